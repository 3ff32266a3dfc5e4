// From options to the model and the numbers of a run: those given, over a preset's (a new run) or a checkpoint's (`resume`, `from`), over the
// defaults of the table. Pure: nothing is read, measured or opened.

import type { TrainingState } from '../checkpoint/checkpoint'
import { NanoGptError, option, type Phrase, say } from '../errors'
import { checkSizes, type GptConfig, type ModelConfig, type Sized, variantNames } from '../model/config'
import { defaultVariants } from '../nn'
import {
  type CheckedTrainOptions,
  checkOptions,
  modelNames,
  namesWhere,
  type OptionRow,
  pick,
  rowOf,
  type TrainingConfig,
  type TrainName,
  trainingNames,
  trainOptions,
} from '../options'
import { defaultBeside, isDefaultBy, isWords } from '../options/row'
import { findPreset, presets } from '../presets'

type Given = CheckedTrainOptions

const defaultSeed = 1337n
const defaultPreset = trainOptions.preset.default

/** What a model keeps of its own on `from`. */
export const keptByFrom = namesWhere(({ from }) => from === 'keeps')
const keptByResume = namesWhere(({ resume }) => resume === 'keeps')
const sizeNames = modelNames.filter((name) => !variantNames.some((variant) => variant === name))

/** The model and the numbers of a run. */
export interface Resolved {
  readonly model: Sized
  readonly training: TrainingConfig
  readonly seed: bigint
}

/** A checkpoint that a run begins with, and whose training is known. */
export interface Begun extends TrainingState {
  readonly model: ModelConfig
}

/**
 * A checked copy of the options of `train`.
 *
 * @throws NanoGptError 'option' naming the option that is wrong
 */
export function checkTrainOptions(options: unknown): Given {
  const checked = checkOptions('train', trainOptions, options)
  refuseContradictions(checked)
  return checked
}

/** @throws NanoGptError 'option' for two options that exclude each other */
export function refuseContradictions(options: Given): void {
  const { resume, from } = options
  if (resume !== undefined) {
    const other = (['from', 'config'] as const).find((name) => options[name] !== undefined)
    if (other) {
      const why = say`${option('resume')} continues a run as it was`
      throw refused(other, options, why, `leave one of them out`)
    }
    const given = keptByResume.find((name) => options[name] !== undefined)
    if (given) {
      throw refused(given, options, 'a resumed run keeps its own', 'leave it out, or start a new run')
    }
  }
  if (from === undefined) return
  const given = keptByFrom.find((name) => options[name] !== undefined)
  if (given) {
    throw refused(
      given,
      options,
      say`the weights of ${option('from')} fit no other model than their own`,
      say`leave it out, or leave ${option('from')} out to start a new model`,
    )
  }
}

/** @throws NanoGptError 'option' for `minutes` beside another preset than the one that takes them */
export function refuseMinutes(options: Given): void {
  const { applies } = trainOptions.minutes
  if (options.minutes === undefined || isFor({ applies }, { preset: options.preset ?? defaultPreset })) return
  const [auto] = applies.values
  throw refused(
    'minutes',
    options,
    say`it is for ${option('preset', auto)} alone`,
    say`give ${option('steps')}, or ${option('preset', auto)}`,
  )
}

function refused(
  name: TrainName,
  options: Given,
  reason: string | Phrase,
  remedy: string | Phrase,
): NanoGptError {
  // No limit is null inside.
  const value = options[name] === null ? Infinity : options[name]
  return new NanoGptError('option', { where: 'train', option: name, value, reason, remedy })
}

/** A new run: the preset's model and numbers, with the options over them. */
export function resolveNew(options: Given): Resolved {
  const preset = findPreset(options.preset ?? defaultPreset)
  const model = withOptions(preset.model, options)
  checkSizes(model, 'train')
  return { model, training: resolveTraining(options, preset.training), seed: options.seed ?? defaultSeed }
}

/** A new run with the weights of a checkpoint: its model and numbers, with the options over them. */
export function resolveFrom(options: Given, begun: Begun): Resolved {
  const dropouts = pick(
    options,
    modelNames.filter((name) => !keptByFrom.includes(name)),
  )
  return {
    model: withOptions(begun.model, dropouts),
    training: resolveTraining(options, inherited(begun.training)),
    seed: options.seed ?? defaultSeed,
  }
}

/** What a new run takes over from the training of its weights. */
function inherited(training: TrainingConfig): Partial<TrainingConfig> {
  return pick(
    training,
    trainingNames.filter((name) => rowOf(trainOptions, name).from !== 'default'),
  ) as Partial<TrainingConfig>
}

/** A resumed run: the checkpoint's, but for what may change on the way. */
export function resolveResumed(options: Given, begun: Begun, path: string): Resolved {
  const training = resolveTraining(options, begun.training)
  if (training.steps < begun.step) {
    throw new NanoGptError('option', {
      where: 'train',
      option: 'steps',
      value: training.steps,
      reason: `${path} has already made ${begun.step}`,
      remedy: 'steps count from the beginning of the run: give more',
    })
  }
  return { model: begun.model, training, seed: BigInt(begun.seed) }
}

// ---- Training options.

/**
 * Every training option: the one given, else that of `base` where it applies, else the default.
 *
 * @throws NanoGptError 'option' for one that is for another optimizer or schedule, or contradicts another
 */
function resolveTraining(given: Given, base: Partial<TrainingConfig>): TrainingConfig {
  const kept = withoutReplaced(given, base)
  const resolved: Record<string, unknown> = {}
  // First what others depend on.
  const first = (name: string) =>
    (rowOf(trainOptions, name).applies ?? rowOf(trainOptions, name).follows) ? 1 : 0
  for (const name of [...trainingNames].sort((a, b) => first(a) - first(b))) {
    resolved[name] = resolveOption(name, given, kept, base, resolved)
  }
  return Object.fromEntries(trainingNames.map((name) => [name, resolved[name]])) as TrainingConfig
}

function resolveOption(
  name: (typeof trainingNames)[number],
  given: Given,
  kept: Partial<TrainingConfig>,
  base: Partial<TrainingConfig>,
  resolved: Readonly<Record<string, unknown>>,
): unknown {
  const row = rowOf(trainOptions, name)
  if (!isFor(row, resolved)) {
    if (given[name] === undefined) return row.unused
    throw notFor(name, row, given, resolved)
  }
  if (given[name] !== undefined) return given[name]
  const leader = row.follows as keyof TrainingConfig | undefined
  if (leader && (kept[name] === undefined || base[name] === base[leader])) return resolved[leader]
  return kept[name] ?? defaultOf(row, resolved)
}

function defaultOf(row: OptionRow, resolved: Readonly<Record<string, unknown>>): unknown {
  const { default: value } = row
  if (isDefaultBy(value)) return defaultBeside(value, resolved)
  return isWords(value) ? undefined : value
}

/** Whether an option applies beside these. */
export function isFor(
  { applies }: Pick<OptionRow, 'applies'>,
  others: Readonly<Record<string, unknown>>,
): boolean {
  return applies === undefined || applies.values.includes(String(others[applies.option]))
}

function notFor(name: TrainName, row: OptionRow, given: Given, resolved: Readonly<Record<string, unknown>>) {
  const { option: other, values } = row.applies!
  const those = values
    .map((value) => `'${value}'`)
    .join(', ')
    .replace(/, ('[^']*')$/, ' and $1')
  return refused(
    name,
    given,
    say`it is for the ${other}${values.length > 1 ? 's' : ''} ${those} alone, and the ${other} here is '${String(resolved[other])}'`,
    `leave it out, or give another ${other}`,
  )
}

/** Defaults that come from a preset or a file, without what they say of an optimizer or a schedule that was replaced. */
export function withoutReplaced<T extends Partial<Given | TrainingConfig>>(given: Given, defaults: T): T {
  const kept: Record<string, unknown> = { ...defaults }
  for (const name of Object.keys(kept)) {
    const { applies } = rowOf(trainOptions, name)
    if (!applies) continue
    const other = applies.option as keyof Given
    const now = given[other]
    if (now === undefined || now === (defaults as Given)[other]) continue
    // Another optimizer has its own momentum; any schedule that ends somewhere may end there.
    if (!applies.carriesOver || !applies.values.includes(String(now))) delete kept[name]
  }
  return kept as T
}

/**
 * @param given what the call itself says: a file's options belong together, and 'auto' sizes its own
 * @throws NanoGptError 'option' for a warm-up that the run would end before
 */
export function refuseShortRun(given: Given, { steps }: TrainingConfig): void {
  const longer = (['warmup', 'momentumWarmup'] as const).find((name) => (given[name] ?? 0) > steps)
  if (longer === undefined) return
  throw refused(
    longer,
    given,
    say`the run has ${steps} ${option('steps')}, so it would end before the warm-up does`,
    say`give at most ${steps}, or more ${option('steps')}`,
  )
}

// ---- The model.

/** A model with the options over it. The decoder becomes a 'gpt' where variants are given; other stages are what they are. */
function withOptions<Base extends Sized>(base: Base, options: Given): Base | (Base & Sized<GptConfig>) {
  const sizes = { ...base, ...pick(options, sizeNames) }
  const variants = pick(options, variantNames)
  const started = { ...variants, ...initOfTied(options, base.kind === 'gpt' ? base.init : undefined) }
  if (base.kind === 'gpt') return { ...sizes, ...followers(base, sizes), ...started }
  const [given] = Object.keys(variants) as (keyof typeof variants)[]
  if (given === undefined) return sizes
  if (base.kind !== 'decoder') {
    const others = Object.entries(presets).filter(([, { model }]) => ['gpt', 'decoder'].includes(model.kind))
    throw refused(
      given,
      options,
      `the model '${base.kind}' is as the course has it`,
      say`leave it out, or give a ${option('preset')} whose model can be varied: ${others.map(([name]) => name).join(', ')}`,
    )
  }
  return { ...sizes, ...defaultVariants(sizes), ...started, kind: 'gpt' }
}

/**
 * The head's weight shall be small, and embeddings N(0, 1) aren't: with them as its weight, logits begin with a deviation of √embed, and the
 * loss far above ln V. GPT-2's initial weights are made for both uses.
 */
function initOfTied(options: Given, init?: GptConfig['init']): Partial<GptConfig> {
  const { default: usual } = trainOptions.init
  const chosen = options.init !== undefined || (init !== undefined && init !== usual.otherwise)
  return chosen ? {} : { init: defaultBeside(usual, options) as GptConfig['init'] }
}

/** What a model has as it has its heads or its dropout stays so when these change. */
function followers(base: Sized<GptConfig>, sizes: Pick<Sized, 'heads' | 'dropout'>) {
  const all: Readonly<Record<string, unknown>> = base
  const now: Readonly<Record<string, unknown>> = { ...sizes }
  return Object.fromEntries(
    variantNames.flatMap((name) => {
      const { follows } = rowOf(trainOptions, name)
      return follows !== undefined && all[name] === all[follows] ? [[name, now[follows]]] : []
    }),
  )
}

/** The training options that apply to a run, for those who show or store them. */
export function appliedTraining(training: TrainingConfig): Partial<TrainingConfig> {
  return pick(
    training,
    trainingNames.filter((name) => training[name] === null || isFor(rowOf(trainOptions, name), training)),
  ) as Partial<TrainingConfig>
}
