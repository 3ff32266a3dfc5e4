// The header that a run prints first: its plan, and the options that differ from the defaults.

import { printable } from '../errors'
import { textFile } from '../history/folder'
import { type Group, namesWhere, type OptionRow, rowOf, type TrainName, trainOptions } from '../options'
import { defaultBeside, isDefaultBy, isWords } from '../options/row'
import type { Plan } from '../train/plan'
import { appliedTraining } from '../train/resolve'
import { describeTokenizer } from './facts'
import { argumentsOf, words } from './surface'
import { count, plural, roughly, together } from './words'

/** A line of the header. */
export type Field = readonly [name: string, value: string]

/** Options that the header describes in words rather than as flags. */
const inWords: readonly string[] = [
  'steps',
  'batchSize',
  'gradientAccumulationSteps',
  'optimizer',
  'evalInterval',
  'evalBatches',
]

/** Name and value of each line. */
export function header(plan: Plan, device: string, out: string | undefined): Field[] {
  return [
    ['device', device],
    ['text', describeText(plan)],
    ['tokenizer', describeVocabulary(plan)],
    ['model', describeModel(plan)],
    ...flagLine('variants', plan, 'variants'),
    ['training', describeTraining(plan)],
    ['optimizer', describeOptimizer(plan)],
    ...flagLine('schedule', plan, 'schedule'),
    ['evaluation', describeEvaluation(plan)],
    ['saving', describeSaving(plan, out)],
    ...describeBeginning(plan),
  ]
}

function describeText({ data: { name, trainTokens, validationTokens } }: Plan): string {
  return `${printable(name)}: ${count(trainTokens + validationTokens)} tokens, ${count(validationTokens)} of them for validation`
}

function describeVocabulary({ tokenizer, model, data }: Plan): string {
  const length = data.bytesPerToken.train.toFixed(1)
  const described = describeTokenizer({ type: tokenizer, vocabSize: model.vocabSize })
  return length === '1.0' ? described : `${described}, ${together(`${length} bytes per token`)}`
}

/** A bigram is a table of logits: it has no layers, heads, channels or dropout. */
function describeModel({ model, parameters }: Plan): string {
  const { kind, layers, heads, embed, blockSize, dropout } = model
  const learned = `${kind}, ${together(`${roughly(parameters)} parameters`)}`
  const block = together(`block size ${count(blockSize)} tokens`)
  if (kind === 'bigram') return `${learned}, ${block}`
  const sizes = [plural(layers, 'layer'), plural(heads, 'head'), `${count(embed)} channels`].map(together)
  return [learned, ...sizes, block, together(`dropout ${dropout}`)].join(', ')
}

function describeTraining(plan: Plan): string {
  const { model, training, seed } = plan
  const { steps, gradientAccumulationSteps, batchSize } = training
  const sequences = plural(batchSize, 'sequence')
  const batch =
    gradientAccumulationSteps > 1 ? `${gradientAccumulationSteps} micro-batches × ${sequences}` : sequences
  const whole = `${plural(steps, 'step')} of ${batch} × ${model.blockSize} tokens, ${together(`seed ${seed}`)}`
  return [whole, ...flagsThatDiffer(plan, 'training')].join(' ')
}

function describeOptimizer(plan: Plan): string {
  return [plan.training.optimizer, ...flagsThatDiffer(plan, 'optimizer')].join(' ')
}

function describeEvaluation(plan: Plan): string {
  const { evalInterval, evalBatches } = plan.training
  const every = `every ${plural(evalInterval, 'step')}, on ${plural(evalBatches, 'batch', 'batches')} of each split`
  return [every, ...flagsThatDiffer(plan, 'progress')].join(' ')
}

function describeSaving({ data: { source } }: Plan, out: string | undefined): string {
  if (out === undefined) return 'off; the run cannot be resumed'
  return [source].flat().includes(textFile) ? `to ${out}, with a copy of the text` : `to ${out}`
}

function describeBeginning({ begins, checkpoint, step }: Plan): Field[] {
  if (begins === 'resume') return [['resuming', `after ${plural(step, 'step')}`]]
  return begins === 'from' && checkpoint !== null ? [['weights', `from ${checkpoint}`]] : []
}

function flagLine(name: string, plan: Plan, group: Group): Field[] {
  const flags = flagsThatDiffer(plan, group)
  return flags.length > 0 ? [[name, flags.join(' ')]] : []
}

/**
 * The options of a group that differ from their defaults, as flags: --activation gelu, --no-bias.
 */
export function flagsThatDiffer(
  { model, training }: Pick<Plan, 'model' | 'training'>,
  group: Group,
): string[] {
  const values: Readonly<Record<string, unknown>> = { ...model, ...appliedTraining(training) }
  const names = namesWhere((row) => row.group === group && row.stored !== undefined)
  return names
    .filter((name) => !inWords.includes(name) && differs(name, values))
    .map((name) => together(words(argumentsOf({ [name]: values[name] }))))
}

function differs(name: TrainName, values: Readonly<Record<string, unknown>>): boolean {
  const row: OptionRow = rowOf(trainOptions, name)
  const value = values[name]
  if (value === undefined) return false
  return value !== defaultAmong(row, values)
}

/** A row's default beside these values; undefined if the preset has it. */
function defaultAmong(row: OptionRow, values: Readonly<Record<string, unknown>>): unknown {
  const { default: usual, follows } = row
  if (isWords(usual)) return follows === undefined ? undefined : values[follows]
  return isDefaultBy(usual) ? defaultBeside(usual, values) : usual
}
