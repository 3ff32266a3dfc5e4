// Resolves the options of a run to its model and training options. Given options override those of
// the preset (new run) or checkpoint (`resume`, `from`), which override the defaults of the option
// table. Reads, measures and opens nothing.

import { createModel } from '../architectures/create'
import type { TrainingState } from '../checkpoint/checkpoint'
import { NanoGptError, option, type Phrase, say } from '../errors'
import { checkSizes, type GptConfig, type ModelConfig, type Sized, variantNames } from '../model/config'
import { adaptableIn, defaultVariants, type LoraConfig } from '../nn'
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

export const defaultSeed = 1337n
const defaultPreset = trainOptions.preset.default

/** Options that the model keeps with `from`. */
export const keptByFrom = namesWhere(({ from }) => from === 'keeps')
const keptByResume = namesWhere(({ resume }) => resume === 'keeps')
const sizeNames = modelNames.filter((name) => !variantNames.some((variant) => variant === name))

/** The model and the training options of a run. */
export interface Resolved {
  readonly model: Sized
  readonly training: TrainingConfig
  readonly seed: bigint
}

/** The model and training state of a checkpoint that a run starts from. */
export interface Begun extends TrainingState {
  readonly model: ModelConfig
}

/**
 * Returns a checked copy of the options of `train`.
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
      say`the weights of ${option('from')} fit no other model`,
      say`leave it out, or leave ${option('from')} out to start a new model`,
    )
  }
}

/**
 * @throws NanoGptError 'option' for `minutes` with a preset other than 'auto', for `vocabSize` with a
 *   tokenizer other than 'bpe', and for options of adapters without a model to adapt
 */
export function refuseIdle(options: Given): void {
  const { preset = defaultPreset } = options
  // The preset 'auto' chooses a tokenizer, one that `vocabSize` applies to if it is given.
  const chosen = preset === 'auto' ? trainOptions.vocabSize.applies.values[0] : trainOptions.tokenizer.default
  const { tokenizer = chosen } = options
  refuseElsewhere('minutes', options, { preset }, (auto) => say`give ${option('steps')}, or ${auto}`)
  refuseElsewhere('vocabSize', options, { tokenizer }, (bpe) => say`leave it out, or give ${bpe}`)
  refuseIdleAdapters(options)
}

function refuseIdleAdapters(options: Given): void {
  const { loraRank = 0, from, resume } = options
  if (options.base !== undefined && from === undefined && resume === undefined) {
    const only = say`it applies only to a run that is continued, or starts from the weights of another`
    throw refused('base', options, only, say`leave it out, or give ${option('resume')} or ${option('from')}`)
  }
  const idle = (['loraAlpha', 'loraTargets'] as const).find((name) => options[name] !== undefined)
  if (loraRank === 0) {
    if (idle === undefined) return
    throw refused(
      idle,
      options,
      say`it applies only with a ${option('loraRank')} above 0`,
      say`leave it out, or give ${option('loraRank', 8)}`,
    )
  }
  if (from !== undefined) return
  throw refused(
    'loraRank',
    options,
    'adapters change a model that is trained already',
    say`give that model as ${option('from')}, or leave it out to train a new model`,
  )
}

/** @param others the value of the option on which `name` depends */
function refuseElsewhere(
  name: 'minutes' | 'vocabSize',
  options: Given,
  others: Readonly<Record<string, unknown>>,
  remedy: (only: Phrase) => Phrase,
): void {
  const { applies } = trainOptions[name]
  if (options[name] === undefined || isFor({ applies }, others)) return
  const only = say`${option(applies.option, applies.values[0])}`
  throw refused(name, options, say`it applies only to ${only}`, remedy(only))
}

function refused(
  name: TrainName,
  options: Given,
  reason: string | Phrase,
  remedy: string | Phrase,
): NanoGptError {
  // Internally, null means no limit.
  const value = options[name] === null ? Infinity : options[name]
  return new NanoGptError('option', { where: 'train', option: name, value, reason, remedy })
}

/** A new run: the preset, overridden by the options. */
export function resolveNew(options: Given): Resolved {
  const preset = findPreset(options.preset ?? defaultPreset)
  const model = withOptions(preset.model, options)
  checkSizes(model, 'train')
  return { model, training: resolveTraining(options, preset.training), seed: options.seed ?? defaultSeed }
}

/**
 * A new run from the weights of a checkpoint: its model and training options, overridden by the
 * options.
 */
export function resolveFrom(options: Given, begun: Begun): Resolved {
  const changed = pick(
    options,
    modelNames.filter((name) => !keptByFrom.includes(name)),
  )
  const model = withOptions(begun.model, changed)
  const lora = adaptersOf(options, model)
  return {
    model: lora ? { ...model, lora } : model,
    training: resolveTraining(options, inherited(begun.training)),
    seed: options.seed ?? defaultSeed,
  }
}

/** The training options that a new run inherits from the checkpoint with `from`. */
function inherited(training: TrainingConfig): Partial<TrainingConfig> {
  return pick(
    training,
    trainingNames.filter((name) => rowOf(trainOptions, name).from !== 'default'),
  ) as Partial<TrainingConfig>
}

/** A resumed run: the checkpoint's options, except those that may change. */
export function resolveResumed(options: Given, begun: Begun, path: string): Resolved {
  const training = resolveTraining(options, begun.training)
  if (training.steps < begun.step) {
    throw new NanoGptError('option', {
      where: 'train',
      option: 'steps',
      value: training.steps,
      reason: `${path} has already made ${begun.step} steps`,
      remedy: 'give more: steps are counted from the start of the run',
    })
  }
  return { model: begun.model, training, seed: BigInt(begun.seed) }
}

export const dropoutNames = ['dropout', 'attentionDropout', 'embeddingDropout'] as const

/** Options that a fork can change: those that leave the names and shapes of all tensors as they are. */
export const changedByFork: readonly TrainName[] = [
  ...namesWhere(({ stored, resume, type }) => stored === 'training' && !!resume && type.ts !== 'boolean'),
  ...dropoutNames,
].filter((name) => name !== 'optimizer' && name !== 'emaDecay')

/** A run that continues another one with changed options. */
export function resolveFork(options: Given, begun: Begun): Pick<Resolved, 'model' | 'training'> {
  return {
    model: withOptions(begun.model, pick(options, dropoutNames)),
    training: resolveTraining(options, begun.training),
  }
}

// ---- Training options.

/**
 * Resolves every training option: the given value, otherwise that of `base` where it applies,
 * otherwise the default.
 *
 * @throws NanoGptError 'option' for an option that does not apply to the optimizer or schedule
 */
export function resolveTraining(given: Given, base: Partial<TrainingConfig>): TrainingConfig {
  const kept = withoutReplaced(given, base)
  const resolved: Record<string, unknown> = {}
  // Resolve the options that others depend on first.
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

/** Whether an option applies with these values. */
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
    say`it applies only to the ${other}${values.length > 1 ? 's' : ''} ${those}, but the ${other} is '${String(resolved[other])}'`,
    `leave it out, or choose another ${other}`,
  )
}

/**
 * The values of a preset or a file, without those that belong to an optimizer or schedule that the
 * given options replace.
 */
export function withoutReplaced<T extends Partial<Given | TrainingConfig>>(given: Given, defaults: T): T {
  const kept: Record<string, unknown> = { ...defaults }
  for (const name of Object.keys(kept)) {
    const { applies } = rowOf(trainOptions, name)
    if (!applies) continue
    const other = applies.option as keyof Given
    const now = given[other]
    if (now === undefined || now === (defaults as Given)[other]) continue
    // For example, another optimizer needs its own momentum. With `carriesOver`, a value stays if
    // it applies to the new choice too: the final learning rate applies to any decaying schedule.
    if (!applies.carriesOver || !applies.values.includes(String(now))) delete kept[name]
  }
  return kept as T
}

/**
 * @param given the options of the call itself. Options from a file are consistent, and the preset
 *   'auto' shortens its own warm-ups.
 * @throws NanoGptError 'option' for a warm-up that is longer than the run
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

/**
 * Overrides a model's sizes and variants. With variants, the decoder becomes a 'gpt'; the other
 * stages have no variants.
 */
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
      `the course's model '${base.kind}' has no variants`,
      say`leave it out, or give a ${option('preset')} whose model has variants: ${others.map(([name]) => name).join(', ')}`,
    )
  }
  return { ...sizes, ...defaultVariants(sizes), ...started, kind: 'gpt' }
}

/**
 * The default `init` of a model with tied embeddings is 'gpt2'. Embeddings from N(0, 1) are too
 * large as the weight of the output layer: the initial logits would have a standard deviation of
 * √embed, and the loss would be far above ln V. GPT-2's initialization suits both uses.
 */
function initOfTied(options: Given, init?: GptConfig['init']): Partial<GptConfig> {
  const { default: usual } = trainOptions.init
  const chosen = options.init !== undefined || (init !== undefined && init !== usual.otherwise)
  return chosen ? {} : { init: defaultBeside(usual, options) as GptConfig['init'] }
}

/** The adapters that a run trains; undefined if it trains all weights. */
function adaptersOf(options: Given, model: ModelConfig): LoraConfig | undefined {
  const { loraRank: rank = 0, loraAlpha: alpha = 2 * rank, loraTargets: wanted = ['all'] } = options
  if (rank === 0) return undefined
  const there = adaptableIn(createModel({ ...model, layers: 1 }).model)
  if (there.length === 0)
    throw refused(
      'loraRank',
      options,
      `a model of kind '${model.kind}' has no layers for adapters`,
      'leave it out, to train all weights',
    )
  const missing = wanted.find((name) => name !== 'all' && !there.includes(name))
  if (missing === undefined)
    return { rank, alpha, targets: there.filter((name) => wanted.includes('all') || wanted.includes(name)) }
  throw new NanoGptError('option', {
    where: 'train',
    option: 'loraTargets',
    value: missing,
    reason: 'the model has no layer of that name',
    remedy: `it has ${there.join(', ')}`,
  })
}

/** Variants that equal the option they follow (`heads`, `dropout`) change with it. */
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

/** The training options that apply to a run, for the header and config.json. */
export function appliedTraining(training: TrainingConfig): Partial<TrainingConfig> {
  return pick(
    training,
    trainingNames.filter((name) => training[name] === null || isFor(rowOf(trainOptions, name), training)),
  ) as Partial<TrainingConfig>
}
