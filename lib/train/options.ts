// What `train` takes, checked, and resolved against the preset (a new run) or the checkpoint (a resumed one).

import * as v from 'valibot'
import type { Checkpoint, TrainingConfig } from '../checkpoint/checkpoint'
import { NanoGptError, show } from '../errors'
import { findPreset, type ModelConfig } from '../model/config'
import { checkOptions, count, seed, signal } from '../options'

const optional = v.optional
const number = v.pipe(v.number('must be a number'), v.finite('must be finite'))
const positive = v.pipe(number, v.gtValue(0, 'must be more than 0'))
const beta = v.pipe(number, v.minValue(0, 'must be at least 0'), v.ltValue(1, 'must be less than 1'))
const interval = v.pipe(
  v.number('must be a number'),
  v.safeInteger('must be a whole number'),
  v.minValue(0, 'must be at least 0'),
)

const schema = v.strictObject({
  /** The text: 'shakespeare', 'moby-dick', a path, or { text }. Default 'shakespeare'; a resumed run's own. */
  data: optional(
    v.union([v.string(), v.object({ text: v.string() })], 'must be a corpus name, a path or { text }'),
  ),
  /** Goes on with the run in this folder (or from this checkpoint file), as if it had never stopped. */
  resume: optional(v.string()),
  /**
   * Where defaults come from: a stage of the course ('bigram' … 'decoder', or its number), nanoGPT's 'cpu' or 'baby', or 'auto', which
   * measures the device and takes what it can train in `minutes`. Default 'cpu'.
   */
  preset: optional(v.string()),
  /** How long the preset 'auto' trains, about. Default 3. */
  minutes: optional(positive),

  /** Longest sequence, in tokens. */
  blockSize: optional(count),
  /** Channels of an embedding. */
  embed: optional(count),
  /** Attention heads; they divide `embed`. */
  heads: optional(count),
  layers: optional(count),
  /** Probability of dropout, in [0, 1). */
  dropout: optional(beta),

  /** Updates in all, counted from the beginning of the run. */
  steps: optional(count),
  /** Sequences in a micro-batch. */
  batchSize: optional(count),
  /** Micro-batches whose gradients are averaged before each update. Default 1. */
  microBatches: optional(count),
  /** Adam's step size. */
  learningRate: optional(positive),
  /** Decay of the gradient's running mean. Default 0.9. */
  beta1: optional(beta),
  /** Decay of its running square. Default 0.999. */
  beta2: optional(beta),
  /** Default 1e-8. */
  epsilon: optional(positive),
  /** Decoupled weight decay. Default 0.01. */
  weightDecay: optional(v.pipe(number, v.minValue(0, 'must be at least 0'))),
  /** Gradients are scaled down to this global norm. Default Infinity: never. */
  gradientClip: optional(v.pipe(v.number('must be a number'), v.gtValue(0, 'must be more than 0'))),

  /** Steps between evaluations (one comes first and one last). */
  evalInterval: optional(count),
  /** Random batches of each split in an evaluation. */
  evalBatches: optional(count),
  /** Steps between samples of text; 0: none. Default 0. */
  sampleInterval: optional(interval),
  /** Tokens in a sample. Default 200. */
  sampleTokens: optional(count),
  /** Steps between checkpoints (one comes last). Default: `evalInterval`. */
  checkpointInterval: optional(count),
  /** Run folder for checkpoints: `last.safetensors` and `best.safetensors`. Default: none are written; a resumed run's own. */
  out: optional(v.string()),

  /** Decides weights, batches and dropout. Default 1337. */
  seed: optional(seed),
  /** 'auto', 'cpu' or 'js'. Default 'auto'. */
  device: optional(v.string()),
  /** Threads of the native pool. Default: as many as `os.availableParallelism()` counts. */
  threads: optional(count),
  /** CPU instruction set: 'avx2', 'neon', 'portable'. Default: the best here. */
  instructionSet: optional(v.string()),
  /** Finishes the step, writes a checkpoint, and rejects with an AbortError. */
  signal: optional(signal),
})

export type TrainOptions = v.InferInput<typeof schema>
export type CheckedOptions = v.InferOutput<typeof schema>

/** @throws NanoGptError 'option' naming the option that is wrong */
export function checkTrainOptions(options: TrainOptions): CheckedOptions {
  return checkOptions('train', schema, options)
}

export interface Resolved {
  readonly model: Omit<ModelConfig, 'vocabSize'>
  readonly training: TrainingConfig
  readonly seed: bigint
}

const modelOptions = ['blockSize', 'embed', 'heads', 'layers', 'dropout'] as const
const optimizerOptions = ['learningRate', 'beta1', 'beta2', 'epsilon', 'weightDecay', 'gradientClip'] as const
const fixedOnResume = [
  'preset',
  'seed',
  ...modelOptions,
  'batchSize',
  'microBatches',
  ...optimizerOptions,
] as const

/** The configuration of a new run: the preset's, with the options over it. */
export function resolveNew(options: CheckedOptions): Resolved {
  const preset = findPreset(options.preset ?? 'cpu')
  const model = { ...preset.model, ...pick(options, modelOptions) }
  if (model.embed % model.heads !== 0) {
    throw new NanoGptError(
      'option',
      `train: heads is ${model.heads}: it must divide embed, which is ${model.embed}`,
    )
  }
  const { beta2, weightDecay, gradientClip, ...numbers } = preset.training
  const clip = options.gradientClip ?? gradientClip ?? Infinity
  const training: TrainingConfig = {
    ...numbers,
    ...pick(options, ['steps', 'batchSize', 'learningRate', 'evalInterval', 'evalBatches']),
    microBatches: options.microBatches ?? 1,
    beta1: options.beta1 ?? 0.9,
    beta2: options.beta2 ?? beta2 ?? 0.999,
    epsilon: options.epsilon ?? 1e-8,
    weightDecay: options.weightDecay ?? weightDecay ?? 0.01,
    gradientClip: clip === Infinity ? null : clip,
  }
  return { model, training, seed: BigInt(options.seed ?? 1337) }
}

/** The configuration of a resumed run: the checkpoint's. What would make it another run is refused. */
export function resolveResumed(options: CheckedOptions, { info, path }: Checkpoint): Resolved {
  const given = fixedOnResume.find((name) => options[name] !== undefined)
  if (given) {
    throw new NanoGptError(
      'option',
      `train: ${given} is ${show(options[given])}, but a resumed run keeps its own; leave it out, or start a new run`,
    )
  }
  const training = { ...info.training, ...pick(options, ['steps', 'evalInterval', 'evalBatches']) }
  if (training.steps < info.step) {
    throw new NanoGptError(
      'option',
      `train: steps is ${training.steps}, but ${path} has already made ${info.step}; steps counts from the beginning`,
    )
  }
  return { model: info.model, training, seed: BigInt(info.seed) }
}

function pick<T extends object, K extends keyof T>(
  source: T,
  keys: readonly K[],
): { [P in K]?: NonNullable<T[P]> } {
  return Object.fromEntries(
    keys.filter((key) => source[key] !== undefined).map((key) => [key, source[key]]),
  ) as {
    [P in K]?: NonNullable<T[P]>
  }
}
