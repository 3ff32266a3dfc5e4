// Computes the memory that training needs without allocating it. Memory is linear in the number of
// layers, so it is extrapolated from Programs with one and two.

import { createModel } from '../architectures/create'
import { NanoGptError, option, type Phrase, say } from '../errors'
import { bytesPerElement, sizeOf } from '../graph/dtype'
import { bytesInWords } from '../graph/memory'
import type { Program } from '../graph/program'
import type { ModelConfig } from '../model/config'
import { gradientProgram } from '../model/programs'
import { stateTensors } from '../optim/update'
import type { CheckedTrainOptions, TrainingConfig } from '../options'

/** Bytes by purpose. */
export interface Memory {
  readonly weights: number
  readonly gradients: number
  /** The optimizer's state and the averaged weights. */
  readonly optimizer: number
  /** The temporary buffers of a step. */
  readonly activations: number
  readonly corpus: number
  readonly total: number
}

/** The line through (1, one) and (2, two), at x. */
const line = (one: number, two: number, x: number) => one + (x - 1) * (two - one)

/**
 * The number of parameters of a model.
 *
 * @param which all, or those that are trained. Default: all
 */
export function parametersOf(config: ModelConfig, which: 'parameters' | 'trained' = 'parameters'): number {
  const [one, two] = [1, 2].map((layers) => countOf(createModel({ ...config, layers })[which]))
  return line(one, two, config.layers)
}

const countOf = (tensors: readonly { readonly shape: readonly number[] }[]) =>
  tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)

/**
 * @param corpus bytes of the text's tokens in memory
 * @param measured bytes of activations; default: the computed minimum
 */
export function memoryOf(
  config: ModelConfig,
  training: TrainingConfig,
  corpus: number,
  measured?: number,
): Memory {
  const [one, two] = [1, 2].map((layers) => costsOf({ ...config, layers }, training))
  const perLayer = (what: keyof typeof one) => line(one[what], two[what], config.layers)
  const weights = perLayer('weights')
  const gradients = perLayer('gradients')
  const optimizer = perLayer('optimizer')
  const activations = measured ?? perLayer('activations')
  const total = weights + gradients + optimizer + activations + corpus
  return { weights, gradients, optimizer, activations, corpus, total }
}

/** Bytes by purpose. Builds the model's Program, so call it only with few layers. */
function costsOf(config: ModelConfig, training: TrainingConfig) {
  const { model, parameters, trained } = createModel(config)
  const corpus = { dtype: 'u16', length: config.blockSize + 1 } as const
  const { batchSize } = training
  const program = gradientProgram(model, trained, corpus, { batchSize, gradientAccumulationSteps: 1 })
  return {
    weights: 4 * countOf(parameters),
    gradients: 4 * countOf(trained),
    optimizer: 4 * countOf(stateTensors(trained, training)),
    activations: peakOf(program),
  }
}

/** The maximum total size in bytes of the temporaries that are live at the same time. */
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

/** The options that decide memory, in the order in which users would most likely reduce them. */
const sizeOptions = ['batchSize', 'layers', 'embed', 'blockSize'] as const
type SizeOption = (typeof sizeOptions)[number]

/**
 * Rejects a run that needs more memory than the machine has.
 *
 * @param corpus bytes of the text's tokens in memory
 * @param available bytes of memory
 * @throws NanoGptError 'out_of_memory' with the option, the bytes needed, and a value that fits
 */
export function refuseTooLarge(
  given: CheckedTrainOptions,
  config: ModelConfig,
  training: TrainingConfig,
  corpus: number,
  available: number,
): void {
  const bytesWith = (name: SizeOption, value: number) =>
    name === 'batchSize'
      ? memoryOf(config, { ...training, batchSize: value }, corpus).total
      : memoryOf(resized(config, name, value), training, corpus).total
  const needed = memoryOf(config, training, corpus).total
  if (needed <= available) return
  const current = (name: SizeOption) => (name === 'batchSize' ? training.batchSize : config[name])
  // Prefer an option that was given and would fit with a smaller value alone.
  const named = sizeOptions.filter((name) => given[name] !== undefined)
  const canFit = (name: SizeOption) => bytesWith(name, smallest(name, config)) <= available
  const blamed =
    named.find(canFit) ?? named[0] ?? (['batchSize', 'blockSize'] as const).find(canFit) ?? 'batchSize'
  const found = largest(
    smallest(blamed, config),
    current(blamed),
    (value) => bytesWith(blamed, value) <= available,
  )
  const fits = found && blamed === 'embed' ? roundDown(found, 2 * config.heads) : found
  const remedy: string | Phrase =
    fits === undefined
      ? 'reduce several sizes'
      : say`with the other options as they are, ${option(blamed, fits)} would fit`
  throw new NanoGptError('out_of_memory', {
    where: 'train',
    option: blamed,
    value: current(blamed),
    reason: `this training needs at least ${bytesInWords(needed)} of memory, but this machine has ${bytesInWords(available)}`,
    remedy,
  })
}

/** `embed` stays a multiple of twice the heads: RoPE needs an even head size. */
const smallest = (name: SizeOption, { heads }: ModelConfig) => (name === 'embed' ? 2 * heads : 1)

function resized(config: ModelConfig, name: Exclude<SizeOption, 'batchSize'>, value: number): ModelConfig {
  return { ...config, [name]: name === 'embed' ? roundDown(value, 2 * config.heads) : value }
}

const roundDown = (value: number, step: number) => Math.max(step, Math.floor(value / step) * step)

/** The largest value that satisfies `holds`, to within 2%; undefined if none does. */
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
