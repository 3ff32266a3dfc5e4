// How much memory a training needs, by arithmetic: nothing of the model's size is built. A Program of one layer and one of two, for one
// sequence and for two, tell what each more takes.

import { createModel } from '../architectures/create'
import { NanoGptError, option, type Phrase, say } from '../errors'
import { bytesPerElement, sizeOf } from '../graph/dtype'
import type { Program } from '../graph/program'
import type { ModelConfig } from '../model/config'
import { gradientProgram } from '../model/programs'
import { stateTensors } from '../optim/update'
import type { CheckedTrainOptions, TrainingConfig } from '../options'

/** Bytes, by what they are for. */
export interface Memory {
  readonly weights: number
  readonly gradients: number
  /** The optimizer's state, and averages of the weights. */
  readonly optimizer: number
  /** What lies between the ops of a step. */
  readonly activations: number
  readonly corpus: number
  readonly total: number
}

/** A line through two points: at 1 and at 2. */
const line = (one: number, two: number, x: number) => one + (x - 1) * (two - one)

/** Learned numbers of a model. */
export function parametersOf(config: ModelConfig): number {
  const [one, two] = [1, 2].map((layers) => countOf(createModel({ ...config, layers }).parameters))
  return line(one, two, config.layers)
}

const countOf = (tensors: readonly { readonly shape: readonly number[] }[]) =>
  tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)

/**
 * @param training what is trained, and how
 * @param tokens of both splits
 * @param measured bytes of activations; default: the least that they take
 */
export function memoryOf(
  config: ModelConfig,
  training: TrainingConfig,
  tokens: number,
  measured?: number,
): Memory {
  const [one, two] = [1, 2].map((layers) => costsOf({ ...config, layers }, training))
  const perLayer = (what: keyof typeof one) => line(one[what], two[what], config.layers)
  const weights = perLayer('weights')
  const optimizer = perLayer('optimizer')
  const activations = measured ?? perLayer('activations')
  const corpus = tokens * (config.vocabSize <= 65536 ? 2 : 4)
  const total = 2 * weights + optimizer + activations + corpus
  return { weights, gradients: weights, optimizer, activations, corpus, total }
}

/** The bytes of a model that is built: of few layers. */
function costsOf(config: ModelConfig, training: TrainingConfig) {
  const { model, parameters } = createModel(config)
  const corpus = { split: 'train', dtype: 'u16', length: config.blockSize + 1 } as const
  const [one, two] = [1, 2].map((batchSize) =>
    peakOf(gradientProgram(model, parameters, corpus, { batchSize, gradientAccumulationSteps: 1 })),
  )
  return {
    weights: 4 * countOf(parameters),
    optimizer: 4 * countOf(stateTensors(parameters, training)),
    activations: line(one, two, training.batchSize),
  }
}

/** The most bytes of temporaries that are needed at once. */
function peakOf({ buffers, ops }: Program): number {
  const last = new Map<number, number>()
  ops.forEach(({ inputs, outputs }, at) => {
    for (const id of [...inputs, ...outputs]) last.set(id, at)
  })
  const bytesOf = (id: number) => bytesPerElement[buffers[id].dtype] * sizeOf(buffers[id].shape)
  const alive = new Set<number>()
  let now = 0
  let peak = 0
  ops.forEach(({ inputs, outputs }, at) => {
    for (const id of outputs) {
      if (buffers[id].role !== 'temporary' || alive.has(id)) continue
      alive.add(id)
      now += bytesOf(id)
    }
    peak = Math.max(peak, now)
    for (const id of [...inputs, ...outputs]) {
      if (last.get(id) === at && alive.delete(id)) now -= bytesOf(id)
    }
  })
  return peak
}

/** Of the options that a size comes from, in the order in which people would rather give way. */
const sizeOptions = ['batchSize', 'layers', 'embed', 'blockSize'] as const
type SizeOption = (typeof sizeOptions)[number]

/**
 * @param available bytes that there are
 * @throws NanoGptError 'out_of_memory' naming the option, what it would need, and what would fit
 */
export function refuseTooLarge(
  given: CheckedTrainOptions,
  config: ModelConfig,
  training: TrainingConfig,
  tokens: number,
  available: number,
): void {
  const bytesWith = (name: SizeOption, value: number) =>
    name === 'batchSize'
      ? memoryOf(config, { ...training, batchSize: value }, tokens).total
      : memoryOf(resized(config, name, value), training, tokens).total
  const needed = memoryOf(config, training, tokens).total
  if (needed <= available) return
  const current = (name: SizeOption) => (name === 'batchSize' ? training.batchSize : config[name])
  // The one that was given, and that alone makes it too large.
  const named = sizeOptions.filter((name) => given[name] !== undefined)
  const blamed =
    named.find((name) => bytesWith(name, smallest(name, config)) <= available) ?? named[0] ?? 'batchSize'
  const found = largest(
    smallest(blamed, config),
    current(blamed),
    (value) => bytesWith(blamed, value) <= available,
  )
  const fits = found && blamed === 'embed' ? roundDown(found, 2 * config.heads) : found
  const remedy: string | Phrase =
    fits === undefined
      ? 'give smaller sizes'
      : say`with the other options as they are, ${option(blamed, fits)} would fit`
  throw new NanoGptError('out_of_memory', {
    where: 'train',
    option: blamed,
    value: current(blamed),
    reason: `this training needs at least ${bytesInWords(needed)} of memory, and this machine has ${bytesInWords(available)}`,
    remedy,
  })
}

/** An `embed` stays a multiple of the heads, twice, for rotary positions. */
const smallest = (name: SizeOption, { heads }: ModelConfig) => (name === 'embed' ? 2 * heads : 1)

function resized(config: ModelConfig, name: Exclude<SizeOption, 'batchSize'>, value: number): ModelConfig {
  return { ...config, [name]: name === 'embed' ? roundDown(value, 2 * config.heads) : value }
}

const roundDown = (value: number, step: number) => Math.max(step, Math.floor(value / step) * step)

/** The largest value that holds, with two digits; undefined: none does. */
function largest(low: number, high: number, holds: (value: number) => boolean): number | undefined {
  if (!holds(low)) return undefined
  let [yes, no] = [low, high]
  while (no - yes > Math.max(1, yes / 50)) {
    const middle = Math.floor((yes + no) / 2)
    if (holds(middle)) yes = middle
    else no = middle
  }
  return yes
}

/** 1536 → `1.5 kB`. */
export function bytesInWords(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']
  let at = 0
  let value = bytes
  for (; value >= 1000 && at < units.length - 1; at++) value /= 1000
  return `${at === 0 ? value : value.toPrecision(3)} ${units[at]}`
}
