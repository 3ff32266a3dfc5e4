// What `train` takes, checked, and resolved against the preset (a new run) or the checkpoint (a resumed one).

import * as v from 'valibot'
import type { Checkpoint, TrainingConfig } from '../checkpoint/checkpoint'
import { NanoGptError, show } from '../errors'
import { precisions } from '../graph/program'
import { type GptConfig, type Sized, variantNames } from '../model/config'
import {
  activationNames,
  defaultVariants,
  initialNames,
  normNames,
  positionNames,
  type Variants,
} from '../nn'
import {
  atLeastZero,
  checkOptions,
  count,
  flag,
  fraction,
  oneOf,
  pick,
  positive,
  seed,
  signal,
  wholeOrZero,
} from '../options'
import { findPreset } from '../presets'
import { resolveUpdates, updateNumbers, updateSchemas } from './update_options'

const defaultSeed = 1337
/** Of those options that a checkpoint doesn't keep. */
export const samplingDefaults = { sampleInterval: 0, sampleTokens: 200, exactEvaluation: false } as const

const optional = v.optional
const path = v.string('must be a path')

/** What can be chosen about a model of kind 'gpt'; docs/variants.md says what each is. */
const variantSchemas = {
  /** How the model knows where a token stands: 'learned', a vector for each place, or 'rope', by turning queries and keys. Default 'learned'. */
  positions: optional(oneOf(positionNames)),
  /** The norm: 'layer' or 'rms'. Default 'layer'. */
  norm: optional(oneOf(normNames)),
  /** Whether norms have a gain and, the layer norm, a bias. Default true. */
  normGain: optional(flag),
  /** In the feed-forward: 'relu', 'relu-squared', 'gelu', 'gelu-tanh' (its approximation) or 'swiglu'. Default 'relu'. */
  activation: optional(oneOf(activationNames)),
  /** Whether queries and keys are RMS-normalised, head by head, before they meet. Default false. */
  qkNorm: optional(flag),
  /** Heads of keys and values; they divide `heads`. Default: `heads`. */
  kvHeads: optional(count),
  /** Whether the head's weight is the table of token embeddings. Default false. */
  tiedEmbeddings: optional(flag),
  /** Logits stay below it: cap · tanh(logits / cap). Default 0: no limit. */
  logitCap: optional(atLeastZero),
  /** Whether linear layers and layer norms have biases. Default true. */
  bias: optional(flag),
  /** Whether embeddings are normalised before the first block. Default false. */
  embeddingNorm: optional(flag),
  /** Probability of dropping an attention weight. Default: `dropout`. */
  attentionDropout: optional(fraction),
  /** Probability of dropping an element of the embeddings. Default 0. */
  embeddingDropout: optional(fraction),
  /** How weights begin: 'torch', 'gpt2' or 'zero-residual'. Default 'torch'. */
  initial: optional(oneOf(initialNames)),
} satisfies Record<keyof Variants, unknown>

const schema = v.strictObject({
  /** The text: 'shakespeare', 'moby-dick', a path, or { text }. Default 'shakespeare'; with `resume` or `from` the checkpoint's. */
  data: optional(
    v.union([v.string(), v.object({ text: v.string() })], 'must be a corpus name, a path or { text }'),
  ),
  /** Goes on with the run in this folder (or from this checkpoint file), as if it had never stopped. */
  resume: optional(path),
  /**
   * A new run that begins with the weights of this run folder (its best checkpoint) or checkpoint file: step 0, a fresh
   * optimizer, a seed of its own. Sizes and tokenizer are the checkpoint's; training numbers and dropout are its, unless given.
   */
  from: optional(path),
  /** The options of this run folder's config.json, or of another JSON file, are the defaults of those given beside it. */
  config: optional(path),
  /**
   * Where defaults come from: a stage of the course ('bigram' … 'decoder', or its number), 'gpt' (the decoder, for variants),
   * nanoGPT's 'cpu' or 'baby', 'speedrun', or 'auto', which measures the device and takes what it can train in `minutes`. Default 'cpu'.
   */
  preset: optional(v.string('must be a string')),
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
  dropout: optional(fraction),

  ...variantSchemas,

  /** Updates in all, counted from the beginning of the run. */
  steps: optional(count),
  /** Sequences in a micro-batch. */
  batchSize: optional(count),
  /** Micro-batches whose gradients are averaged before each update. Default 1. */
  microBatches: optional(count),
  ...updateSchemas,
  /**
   * What products and what lies between them are computed in: 'f32', 'tf32' or 'bf16'. Weights, sums and the optimizer are f32 in any
   * case. The CPU has 'f32' alone. Default 'f32'. A resumed run may go on in another, though not to the bit.
   */
  precision: optional(oneOf(precisions)),

  /** Steps between evaluations (one comes first and one last). */
  evalInterval: optional(count),
  /** Random batches of each split in an evaluation. */
  evalBatches: optional(count),
  /**
   * Whether an evaluation also takes the exact loss over the whole validation split, in windows of `blockSize` without overlap. It then
   * decides which checkpoint is the best. Default false.
   */
  exactEvaluation: optional(v.boolean('must be true or false')),
  /** Steps between samples of text; 0: none. Default 0. */
  sampleInterval: optional(wholeOrZero),
  /** Tokens in a sample. Default 200. */
  sampleTokens: optional(count),
  /** Steps between checkpoints (one comes last). Default: `evalInterval`. */
  checkpointInterval: optional(count),
  /**
   * Run folder: config.json, `last.safetensors` and `best.safetensors`. One that holds another run is refused. Default: nothing
   * is written; a resumed run's own.
   */
  out: optional(path),

  /** Decides weights, batches and dropout. Default 1337. */
  seed: optional(seed),
  /** 'auto', the best that can be used, 'cuda', 'cuda:1', 'cpu' or 'js'. Default 'auto'. */
  device: optional(v.string('must be a string')),
  /** Threads of the native pool. Default: as many as `os.availableParallelism()` counts. */
  threads: optional(count),
  /** CPU instruction set: 'avx2', 'neon', 'portable' or 'blas'. Default: the best here. */
  instructionSet: optional(v.string('must be a string')),
  /** Finishes the step, writes a checkpoint, and rejects with an AbortError. */
  signal: optional(signal),
})

export type TrainOptions = v.InferInput<typeof schema>
export type CheckedOptions = v.InferOutput<typeof schema>

/** The schema of each option, by name. */
export const trainOptionSchemas = schema.entries

/** @throws NanoGptError 'option' naming the option that is wrong */
export function checkTrainOptions(options: TrainOptions): CheckedOptions {
  const checked = checkOptions('train', schema, options)
  checkTogether(checked)
  return checked
}

/** What of a model needs no other weights. */
export const dropouts = ['dropout', 'attentionDropout', 'embeddingDropout'] as const

/** What the checkpoint of `from` decides. */
export const fixedByFrom = [
  ...(['preset', 'minutes', 'blockSize', 'embed', 'heads', 'layers'] as const),
  ...variantNames.filter((name) => !dropouts.some((dropout) => dropout === name)),
]

/** @throws NanoGptError 'option' for two options that exclude each other */
export function checkTogether(options: CheckedOptions): void {
  const { resume, from, config } = options
  if (resume !== undefined && (from ?? config) !== undefined) {
    const other = from === undefined ? 'config' : 'from'
    throw new NanoGptError(
      'option',
      `train: ${other} is ${show(options[other])}, but \`resume\` goes on with a run as it was; leave one of them out`,
    )
  }
  const given = from === undefined ? undefined : fixedByFrom.find((name) => options[name] !== undefined)
  if (given) {
    throw new NanoGptError(
      'option',
      `train: ${given} is ${show(options[given])}, but the weights of \`from\` fit no other model than their own; ` +
        `leave it out, or leave \`from\` out to start a new model`,
    )
  }
}

export interface Resolved {
  readonly model: Sized
  readonly training: TrainingConfig
  readonly seed: bigint
}

const sizeOptions = ['blockSize', 'embed', 'heads', 'layers', 'dropout'] as const
const optimizerOptions = ['learningRate', 'beta1', 'beta2', 'epsilon', 'weightDecay', 'gradientClip'] as const
const trainingOptions = [
  'steps',
  'batchSize',
  'microBatches',
  'learningRate',
  'beta1',
  'beta2',
  'epsilon',
  'weightDecay',
  'precision',
  'evalInterval',
  'evalBatches',
] as const
const fixedOnResume = [
  'preset',
  'seed',
  ...sizeOptions,
  ...variantNames,
  'batchSize',
  'microBatches',
  ...optimizerOptions,
  ...updateNumbers,
] as const

/** The configuration of a new run: the preset's, with the options over it. */
export function resolveNew(options: CheckedOptions): Resolved {
  const preset = findPreset(options.preset ?? 'cpu')
  const model = withOptions(preset.model, options)
  checkSizes(model)
  const { beta2, weightDecay, gradientClip, ...rest } = preset.training
  const { steps, batchSize, learningRate, evalInterval, evalBatches } = rest
  const clip = options.gradientClip ?? gradientClip ?? Infinity
  const training: TrainingConfig = {
    ...{ steps, batchSize, learningRate, evalInterval, evalBatches },
    ...pick(options, ['steps', 'batchSize', 'learningRate', 'evalInterval', 'evalBatches']),
    ...resolveUpdates(options, preset.training),
    microBatches: options.microBatches ?? 1,
    beta1: options.beta1 ?? 0.9,
    beta2: options.beta2 ?? beta2 ?? 0.999,
    epsilon: options.epsilon ?? 1e-8,
    weightDecay: options.weightDecay ?? weightDecay ?? 0.01,
    gradientClip: clip === Infinity ? null : clip,
    precision: options.precision ?? 'f32',
  }
  return { model, training, seed: BigInt(options.seed ?? defaultSeed) }
}

/** A model with the options over it. The decoder becomes a 'gpt' where variants are given; other stages are what they are. */
function withOptions<Base extends Sized>(
  base: Base,
  options: Partial<CheckedOptions>,
): Base | (Base & Sized<GptConfig>) {
  const sizes = { ...base, ...pick(options, sizeOptions) }
  const variants = pick(options, variantNames)
  if (base.kind === 'gpt') return { ...sizes, ...followers(base, sizes), ...variants }
  const [given] = Object.keys(variants) as (keyof Variants)[]
  if (given === undefined) return sizes
  if (base.kind !== 'decoder') {
    throw new NanoGptError(
      'option',
      `train: ${given} is ${show(options[given])}, but the model '${base.kind}' is as the course has it; leave it out, or give a ` +
        '`preset` whose model can be varied: gpt, cpu, baby, speedrun, auto or decoder',
    )
  }
  return { ...sizes, ...defaultVariants(sizes), ...variants, kind: 'gpt' }
}

/** What a model has as it has its heads or its dropout stays so when these change. */
function followers(base: Sized<GptConfig>, { heads, dropout }: Pick<Variants & Sized, 'heads' | 'dropout'>) {
  const follows = (name: 'attentionDropout' | 'embeddingDropout') =>
    base[name] === base.dropout ? dropout : base[name]
  return {
    kvHeads: base.kvHeads === base.heads ? heads : base.kvHeads,
    attentionDropout: follows('attentionDropout'),
    embeddingDropout: follows('embeddingDropout'),
  }
}

/** @throws NanoGptError 'option' for sizes that don't go together */
function checkSizes(model: Sized): void {
  const { embed, heads } = model
  const refuse = (message: string) => {
    throw new NanoGptError('option', `train: ${message}`)
  }
  if (embed % heads !== 0) refuse(`heads is ${heads}: it must divide embed, which is ${embed}`)
  if (model.kind !== 'gpt') return
  if (heads % model.kvHeads !== 0) {
    refuse(`kvHeads is ${model.kvHeads}: it must divide heads, which is ${heads}`)
  }
  const headSize = embed / heads
  if (model.positions === 'rope' && headSize % 2 !== 0) {
    refuse(
      `positions is "rope": it turns pairs of channels, and a head has ${headSize}, which is odd (embed ${embed} / heads ${heads}); ` +
        'take another embed or heads, or learned positions',
    )
  }
}

/** The configuration of a new run with the weights of a checkpoint: its sizes and numbers, with the options over them. */
export function resolveFrom(options: CheckedOptions, { info }: Checkpoint): Resolved {
  const { gradientClip: clip = info.training.gradientClip } = options
  const training: TrainingConfig = {
    ...info.training,
    ...pick(options, trainingOptions),
    ...resolveUpdates(options, info.training),
    gradientClip: clip === Infinity ? null : clip,
  }
  const model = withOptions(info.model, pick(options, dropouts))
  return { model, training, seed: BigInt(options.seed ?? defaultSeed) }
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
  const training = {
    ...info.training,
    ...pick(options, ['steps', 'evalInterval', 'evalBatches', 'precision']),
  }
  if (training.steps < info.step) {
    throw new NanoGptError(
      'option',
      `train: steps is ${training.steps}, but ${path} has already made ${info.step}; steps counts from the beginning`,
    )
  }
  return { model: info.model, training, seed: BigInt(info.seed) }
}
