// What a run begins with: everything that was decided about it, so that nothing of it is a guess.

import { variantNames } from '../model/config'
import { defaultVariants } from '../nn'
import type { StartEvent } from '../train/events'
import { kebab } from './flags'
import { count, plural, roughly } from './words'

/** Name and value of each line. */
export function header(
  event: StartEvent,
  device: string,
  out: string | undefined,
): (readonly [name: string, value: string])[] {
  const { data, model } = event.config
  const tokens = event.trainTokens + event.validationTokens
  const lines: (readonly [string, string])[] = [
    ['device', device],
    ['text', `${data.name}: ${count(tokens)} characters, ${model.vocabSize} distinct`],
    ['model', describeModel(event)],
    ...describeVariants(event),
    ['training', describeTraining(event)],
    ['optimizer', describeOptimizer(event)],
    ...describeSchedule(event),
    ['evaluation', describeEvaluation(event)],
    ['saving', out === undefined ? 'nothing' : `in ${out}`],
  ]
  if (event.step > 0) lines.push(['resuming', `after ${plural(event.step, 'step')}`])
  return lines
}

/** A bigram is a table: it has no channels, and nothing to drop out. */
function describeModel({ config: { model }, parameters }: StartEvent): string {
  const { kind, layers, heads, embed, blockSize, dropout } = model
  const learned = `${kind}, ${roughly(parameters)} parameters`
  const block = `block size ${count(blockSize)}`
  if (kind === 'bigram') return `${learned}, ${block}`
  const shape = `${plural(layers, 'layer')} of ${plural(heads, 'head')}, ${count(embed)} channels`
  return `${learned}, ${shape}, ${block}, dropout ${dropout}`
}

/** The choices that make it another model than the decoder, as flags say them. */
function describeVariants({ config: { model } }: StartEvent): (readonly [string, string])[] {
  if (model.kind !== 'gpt') return []
  const usual = defaultVariants(model)
  const words = variantNames
    .filter((name) => model[name] !== usual[name])
    .map((name) => {
      const value = model[name]
      if (typeof value === 'boolean') return value ? kebab(name) : `no ${kebab(name)}`
      return `${kebab(name)} ${value}`
    })
  return words.length > 0 ? [['variants', words.join(', ')]] : []
}

function describeTraining({ config: { model, training, seed }, steps }: StartEvent): string {
  const { microBatches, batchSize, learningRate, precision } = training
  const batch = microBatches > 1 ? `${microBatches} × ${batchSize}` : batchSize
  const rate = `learning rate ${learningRate}, seed ${seed}${precision === 'f32' ? '' : `, in ${precision}`}`
  return `${plural(steps, 'step')} of ${batch} × ${model.blockSize} characters, ${rate}`
}

function describeOptimizer({ config: { training } }: StartEvent): string {
  const { weightDecay, gradientClip } = training
  const clip = gradientClip === null ? '' : `, gradient clipped to norm ${gradientClip}`
  return `${describeUpdates(training)}, weight decay ${weightDecay}${clip}`
}

function describeUpdates(training: StartEvent['config']['training']): string {
  const { optimizer, beta1, beta2, momentum, momentumWarmup, nesterov, matrixLearningRate } = training
  const adamw = `AdamW, betas ${beta1} and ${beta2}`
  if (optimizer === 'adamw') return adamw
  if (optimizer === 'sgd') return `SGD, momentum ${momentum}${nesterov ? ' (Nesterov)' : ''}`
  const rise = momentumWarmup > 0 ? ` after ${plural(momentumWarmup, 'step')}` : ''
  return `Muon, learning rate ${matrixLearningRate}, momentum ${momentum}${rise}; for the rest ${adamw}`
}

/** What changes on the way, and what is kept of it. */
function describeSchedule({ config: { training } }: StartEvent): (readonly [name: string, value: string])[] {
  const { schedule, warmup, minLearningRate, decayPart, average } = training
  const rise = warmup > 0 ? [`${plural(warmup, 'step')} of warm-up`] : []
  const over =
    schedule === 'wsd' ? ` over the last ${Number((100 * decayPart).toPrecision(3))} % of steps` : ''
  const way = schedule === 'wsd' ? 'linear' : schedule
  const fall = schedule === 'constant' ? [] : [`${way} to ${minLearningRate} of the rate${over}`]
  const words = [...rise, ...fall]
  return [
    ...(words.length > 0 ? [['schedule', words.join(', then ')] as const] : []),
    ...(average > 0
      ? [['average', `of the weights, decay ${average}: it is what is evaluated`] as const]
      : []),
  ]
}

function describeEvaluation({ config: { training }, step }: StartEvent): string {
  const { evalInterval, evalBatches } = training
  // A run that is resumed was evaluated where it stopped, or is where it is next due.
  const first = step === 0 ? '; a first one now' : ''
  return `every ${plural(evalInterval, 'step')}, on ${plural(evalBatches, 'batch', 'batches')} of each split${first}`
}
