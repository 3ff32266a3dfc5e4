// The options of train(): for each, its type, help and default, where it applies, and how
// checkpoints, `resume` and `from` treat it.

import { option, say } from '../errors'
import { precisions } from '../graph/program'
import {
  activationNames,
  adaptableNames,
  defaultVariants,
  initialNames,
  normNames,
  positionNames,
  type Variants,
} from '../nn'
import { optimizerNames, scheduleNames } from '../optim/names'
import { presetNames, presets } from '../presets'
import { largestVocabulary, smallestVocabulary, tokenizerFile, tokenizerNames } from '../tokenizer/names'
import { type Checked, rowOf, type ValueOf } from './check'
import { dataOptions } from './data'
import type { TrainOptions } from './declarations'
import { baseOption } from './load'
import { machineOptions } from './machine'
import type { OptionRow, Table } from './row'
import { signalOption } from './signal'
import {
  choice,
  flag,
  fraction,
  limit,
  name,
  type OptionType,
  oneOrMore,
  path,
  real,
  seed,
  whole,
} from './types'

const usual = defaultVariants({ heads: 1, dropout: 0 })
/** Bounded so that products with weights and gradients stay within the range of f32 (3.4e38). */
const rate = () => real({ above: 0, max: 1e30 })
const muon = { option: 'optimizer', values: ['muon'] } as const

/** Options that decide the shape or meaning of the weights. */
const model = { stored: 'model', resume: 'keeps', from: 'keeps' } as const
/** Used in training only, so a new run may change them. */
const dropouts = { stored: 'model', resume: 'keeps' } as const
/** A new run may use fewer positions than the weights have. */
const context = { stored: 'model', resume: 'keeps' } as const
/**
 * Options that decide each update. A resumed run keeps them, so it ends as if it had never stopped.
 */
const training = { stored: 'training', resume: 'keeps' } as const
/**
 * Options that a resumed run may change, for example after a loss that was not finite. It then ends
 * elsewhere than a run that had never stopped.
 */
const adjustable = { stored: 'training', resume: 'records' } as const
/** Options that a resumed run may change. */
const progress = { stored: 'training' } as const
/** What a run reports and saves. With `from`, a new run uses the defaults. */
const reports = { stored: 'training', from: 'default' } as const

/** Options of models of kind 'gpt'. */
const variants = {
  positions: {
    type: choice(positionNames),
    group: 'variants',
    ...model,
    help: "position encoding: 'learned' embeddings or 'rope'",
    default: usual.positions,
  },
  ropeBase: {
    type: real({ min: 1 }),
    group: 'variants',
    ...model,
    help: say`base of the angles of ${option('positions', 'rope')}`,
    otherNames: ['ropeTheta', 'theta'],
    default: usual.ropeBase,
  },
  norm: {
    type: choice(normNames),
    group: 'variants',
    ...model,
    help: "normalization: 'layer' for LayerNorm, or 'rms' for RMSNorm",
    default: usual.norm,
  },
  normAffine: {
    type: flag,
    group: 'variants',
    ...model,
    formerly: 'normGain',
    help: 'learned gain in norms, and learned bias in layer norms',
    default: usual.normAffine,
  },
  normEpsilon: {
    type: real({ min: 0 }),
    group: 'variants',
    ...model,
    help: 'epsilon of the norms; 0: 1e-5 for LayerNorm, 1e-6 for RMSNorm',
    otherNames: ['layerNormEpsilon', 'rmsNormEps', 'normEps'],
    default: usual.normEpsilon,
  },
  activation: {
    type: choice(activationNames),
    group: 'variants',
    ...model,
    help: 'activation function of the feed-forward layer',
    default: usual.activation,
  },
  feedForwardWidth: {
    type: whole({ min: 0 }),
    group: 'variants',
    ...model,
    help: say`channels between the feed-forward layers; 0: 4 · ${option('embed')}`,
    otherNames: ['intermediateSize', 'nInner', 'ffnDim', 'feedForward'],
    default: usual.feedForwardWidth,
  },
  qkNorm: {
    type: flag,
    group: 'variants',
    ...model,
    help: 'RMSNorm of the queries and keys of each head',
    default: usual.qkNorm,
  },
  kvHeads: {
    type: whole(),
    group: 'variants',
    ...model,
    help: say`key/value heads; must divide ${option('heads')}`,
    default: { words: say`${option('heads')}` },
    follows: 'heads',
  },
  headSize: {
    type: whole({ min: 0 }),
    group: 'variants',
    ...model,
    help: say`channels of a head; 0: ${option('embed')} / ${option('heads')}`,
    otherNames: ['headDim'],
    default: usual.headSize,
  },
  tiedEmbeddings: {
    type: flag,
    group: 'variants',
    ...model,
    help: 'use the token embedding as the weight of the output layer',
    default: usual.tiedEmbeddings,
  },
  logitSoftcap: {
    type: real({ min: 0 }),
    group: 'variants',
    ...model,
    formerly: 'logitCap',
    help: 'soft cap of the logits: cap · tanh(logits / cap); 0: none',
    default: usual.logitSoftcap,
  },
  bias: {
    type: flag,
    group: 'variants',
    ...model,
    help: 'biases in linear layers and layer norms',
    default: usual.bias,
  },
  qkvBias: {
    type: flag,
    group: 'variants',
    ...model,
    help: 'biases in the query, key and value layers',
    default: usual.qkvBias,
  },
  outputBias: {
    type: flag,
    group: 'variants',
    ...model,
    help: say`bias in the output layer, with ${option('bias')}`,
    default: usual.outputBias,
  },
  embeddingNorm: {
    type: flag,
    group: 'variants',
    ...model,
    help: 'normalize the embeddings before the first block',
    default: usual.embeddingNorm,
  },
  attentionDropout: {
    type: fraction(),
    group: 'variants',
    ...dropouts,
    help: 'dropout probability of attention weights',
    default: { words: say`${option('dropout')}` },
    follows: 'dropout',
  },
  embeddingDropout: {
    type: fraction(),
    group: 'variants',
    ...dropouts,
    help: 'dropout probability of embeddings',
    default: usual.embeddingDropout,
    follows: 'dropout',
  },
  init: {
    type: choice(initialNames),
    group: 'variants',
    ...model,
    formerly: 'initial',
    help: 'initialization of the weights',
    default: { by: 'tiedEmbeddings', values: { true: 'gpt2' }, otherwise: usual.init },
  },
} as const satisfies Record<keyof Variants, OptionRow>

/** Options of a run that trains adapters. The model's config has them as `lora`. */
const adapters = {
  loraRank: {
    type: whole({ min: 0 }),
    group: 'adapters',
    resume: 'keeps',
    help: say`rank of the LoRA adapters to train, with ${option('from')}; 0: none`,
    otherNames: ['rank', 'r', 'loraR', 'lora'],
    default: 0,
  },
  loraAlpha: {
    type: real({ above: 0 }),
    group: 'adapters',
    resume: 'keeps',
    help: say`the results of adapters are multiplied by this / ${option('loraRank')}`,
    otherNames: ['alpha'],
    default: { words: say`2 · ${option('loraRank')}` },
  },
  loraTargets: {
    type: oneOrMore(choice([...adaptableNames, 'all']), 'a name of a layer, or an array of names'),
    group: 'adapters',
    resume: 'keeps',
    help: 'layers of the blocks that get an adapter',
    commandLine: { help: 'layers of the blocks that get an adapter; may be repeated' },
    otherNames: ['targetModules', 'loraTargetModules', 'targets'],
    default: { words: 'all' },
  },
} as const satisfies Table

const optimizer = {
  optimizer: {
    type: choice(optimizerNames),
    group: 'optimizer',
    ...training,
    help: "optimizer; 'muon' updates the blocks' matrices, and AdamW the rest",
    default: 'adamw',
    unused: 'adamw',
  },
  learningRate: {
    type: rate(),
    group: 'optimizer',
    ...adjustable,
    help: 'learning rate of AdamW and SGD',
    otherNames: ['lr', 'rate'],
  },
  beta1: {
    type: fraction(),
    group: 'optimizer',
    ...training,
    help: "decay rate of AdamW's moving average of gradients",
    default: 0.9,
  },
  beta2: {
    type: fraction(),
    group: 'optimizer',
    ...training,
    help: "decay rate of AdamW's moving average of squared gradients",
    default: 0.999,
  },
  epsilon: {
    type: rate(),
    group: 'optimizer',
    ...training,
    help: "AdamW's epsilon, added to the denominator",
    otherNames: ['eps'],
    default: 1e-8,
  },
  weightDecay: {
    type: real({ min: 0, max: 1e30 }),
    group: 'optimizer',
    ...training,
    help: "weight decay; part of the gradient for 'sgd', otherwise decoupled",
    otherNames: ['wd', 'decay'],
    default: 0.01,
  },
  gradientClip: {
    type: limit(),
    group: 'optimizer',
    ...adjustable,
    help: 'maximum global norm of the gradients',
    otherNames: ['gradClip', 'clip', 'maxGradNorm'],
    default: null,
  },
  momentum: {
    type: fraction(),
    group: 'optimizer',
    ...training,
    help: 'momentum of SGD and Muon',
    default: { by: 'optimizer', values: { sgd: 0.9, muon: 0.95 } },
    applies: { option: 'optimizer', values: ['muon', 'sgd'] },
    unused: 0,
  },
  momentumWarmup: {
    type: whole({ min: 0 }),
    group: 'optimizer',
    ...training,
    help: "steps in which Muon's momentum rises from 0.85",
    default: 0,
    applies: muon,
    unused: 0,
  },
  nesterov: {
    type: flag,
    group: 'optimizer',
    ...training,
    help: 'Nesterov momentum, which Muon always uses',
    default: false,
    applies: { option: 'optimizer', values: ['sgd'] },
    unused: false,
  },
  matrixLearningRate: {
    type: rate(),
    group: 'optimizer',
    ...adjustable,
    help: say`learning rate of Muon's matrices; the rest uses ${option('learningRate')}`,
    default: 0.02,
    applies: muon,
    unused: 0.02,
  },
  schedule: {
    type: choice(scheduleNames),
    group: 'schedule',
    ...training,
    help: "schedule of the learning rate; 'wsd': constant, then linear decay",
    default: 'constant',
    unused: 'constant',
  },
  warmup: {
    type: whole({ min: 0 }),
    group: 'schedule',
    ...training,
    help: 'steps of linear learning rate warm-up',
    otherNames: ['warmupSteps', 'warmupIters'],
    default: 0,
    unused: 0,
  },
  finalLearningRateFraction: {
    type: real({ min: 0, max: 1, placeholder: '<p>' }),
    group: 'schedule',
    ...training,
    formerly: 'minLearningRate',
    help: 'final learning rate, as a fraction of the peak',
    otherNames: ['minLr'],
    default: 0,
    applies: { option: 'schedule', values: ['cosine', 'linear', 'wsd'], carriesOver: true },
    unused: 0,
  },
  decayFraction: {
    type: real({ above: 0, max: 1, placeholder: '<p>' }),
    group: 'schedule',
    ...training,
    formerly: 'decayPart',
    help: 'fraction of the steps, at the end, in which the rate decays',
    default: 0.2,
    applies: { option: 'schedule', values: ['wsd'], carriesOver: true },
    unused: 0.2,
  },
  emaDecay: {
    type: fraction(),
    group: 'optimizer',
    ...training,
    formerly: 'average',
    help: 'decay of the EMA weights, used as the model; 0: none',
    otherNames: ['ema', 'averageDecay'],
    default: 0,
    unused: 0,
  },
} as const satisfies Table

const tokenizerType: OptionType<string> = {
  ...path('<path>'),
  ts: `${tokenizerNames.map((name) => `'${name}'`).join(' | ')} | (string & {})`,
  range: `${tokenizerNames.map((name) => `'${name}'`).join(', ')}, or the path of a ${tokenizerFile} or of its folder`,
  placeholder: '<name|path>',
}

export const trainOptions = {
  ...dataOptions,
  tokenizer: {
    type: tokenizerType,
    group: 'data',
    resume: 'keeps',
    from: 'keeps',
    help: `${tokenizerNames.join(', ')}, or a Hugging Face ${tokenizerFile} or its folder`,
    default: 'char',
  },
  vocabSize: {
    type: whole({ min: smallestVocabulary, max: largestVocabulary }),
    group: 'data',
    resume: 'keeps',
    from: 'keeps',
    help: 'largest number of tokens in the vocabulary',
    default: 4096,
    applies: { option: 'tokenizer', values: ['bpe'] },
    otherNames: ['vocabularySize', 'nVocab'],
  },
  resume: {
    type: path('<dir|file>'),
    group: 'data',
    perCall: true,
    help: 'continue the run in this folder or checkpoint where it stopped',
    otherNames: ['continue'],
  },
  from: {
    type: path('<dir|file>'),
    group: 'data',
    help: 'start from the weights of a run, checkpoint or Hugging Face folder',
    otherNames: ['initFrom', 'finetune', 'finetuneFrom'],
  },
  base: { ...baseOption, perCall: true },
  config: {
    type: path('<dir|file>'),
    group: 'data',
    perCall: true,
    help: 'take defaults from the config.json of a run, or a JSON file',
  },

  preset: {
    type: name(presetNames, '(string & {})'),
    group: 'model',
    resume: 'keeps',
    from: 'keeps',
    help: "named set of options; 'auto' sizes the run to this device",
    default: 'cpu',
  },
  minutes: {
    type: real({ above: 0 }),
    group: 'model',
    resume: 'keeps',
    from: 'keeps',
    help: 'approximate training time in minutes',
    default: 3,
    applies: { option: 'preset', values: ['auto'] },
  },
  layers: {
    type: whole({ min: 1, max: 1000 }),
    group: 'model',
    ...model,
    help: 'number of transformer blocks',
    otherNames: ['nLayer', 'depth', 'numLayers'],
  },
  heads: {
    type: whole(),
    group: 'model',
    ...model,
    help: say`attention heads per block; must divide ${option('embed')}`,
    otherNames: ['nHead', 'numHeads'],
  },
  embed: {
    type: whole(),
    group: 'model',
    ...model,
    help: 'embedding width, in channels',
    otherNames: ['nEmbd', 'nEmbed', 'width', 'channels', 'hiddenSize', 'dModel'],
  },
  blockSize: {
    type: whole(),
    group: 'model',
    ...context,
    help: 'context length, in tokens',
    otherNames: ['context', 'contextLength', 'sequenceLength', 'seqLen', 'blockLength'],
  },
  dropout: { type: fraction(), group: 'model', ...dropouts, help: 'dropout probability' },

  ...variants,
  ...adapters,

  steps: {
    type: whole(),
    group: 'training',
    ...progress,
    help: 'total number of steps (weight updates), counted from step 0',
    otherNames: ['epochs', 'iterations', 'iters', 'maxIters', 'maxSteps'],
  },
  batchSize: {
    type: whole(),
    group: 'training',
    ...training,
    help: 'sequences per micro-batch',
    otherNames: ['batch'],
  },
  gradientAccumulationSteps: {
    type: whole({ min: 1, max: 65_536 }),
    group: 'training',
    ...training,
    formerly: 'microBatches',
    help: 'micro-batches whose gradients are averaged for each update',
    otherNames: ['gradientAccumulation', 'gradAccumSteps', 'accumulate'],
    default: 1,
  },
  nonFinite: {
    type: choice(['stop', 'skip']),
    group: 'training',
    ...adjustable,
    help: "'stop' at, or 'skip', steps whose loss or gradient is not finite",
    default: 'stop',
    unused: 'stop',
  },
  precision: {
    type: choice(precisions),
    group: 'training',
    ...adjustable,
    help: "number format of matrix products; 'tf32' and 'bf16' need a GPU",
    otherNames: ['dtype'],
    default: 'f32',
    unused: 'f32',
  },
  seed: {
    type: seed,
    group: 'training',
    resume: 'keeps',
    help: '64-bit random seed of weights, batches and dropout',
    default: { words: '1337' },
  },

  ...optimizer,

  evalInterval: {
    type: whole(),
    group: 'progress',
    ...progress,
    help: 'steps between evaluations',
    otherNames: ['evalEvery'],
  },
  evalBatches: {
    type: whole(),
    group: 'progress',
    ...progress,
    help: 'random batches per split in each evaluation',
    otherNames: ['evalIters'],
  },
  exactEvaluation: {
    type: flag,
    group: 'progress',
    ...reports,
    help: 'choose the best checkpoint by the loss over the whole validation split',
    default: false,
    unused: false,
  },
  sampleInterval: {
    type: whole({ min: 0 }),
    group: 'progress',
    ...reports,
    help: 'steps between text samples; 0: none',
    otherNames: ['sampleEvery'],
    default: 0,
    unused: 0,
  },
  sampleTokens: {
    type: whole(),
    group: 'progress',
    ...reports,
    help: 'length of a text sample, in tokens',
    default: 200,
    unused: 200,
  },
  checkpointInterval: {
    type: whole(),
    group: 'progress',
    ...reports,
    help: 'steps between checkpoints',
    otherNames: ['saveEvery', 'saveInterval'],
    default: { words: say`${option('evalInterval')}` },
    follows: 'evalInterval',
  },
  checkpointMinutes: {
    type: real({ above: 0 }),
    group: 'progress',
    ...reports,
    help: 'longest time between checkpoints, in minutes',
    default: 5,
    unused: 5,
  },
  keepCheckpoints: {
    type: whole({ min: 1 }),
    group: 'progress',
    ...reports,
    help: 'newest checkpoints to keep, besides the best one',
    otherNames: ['saveTotalLimit'],
    default: 2,
    unused: 2,
  },
  out: {
    type: path('<dir>'),
    group: 'progress',
    perCall: true,
    help: 'run folder for checkpoints and config.json',
    otherNames: ['output', 'outputDir', 'outDir', 'dir', 'save'],
    default: { words: 'none: nothing is saved' },
    commandLine: { default: 'runs/<preset>-<date>-<time>' },
  },
  overwrite: {
    type: flag,
    group: 'progress',
    perCall: true,
    help: say`replace the run in ${option('out')}`,
    otherNames: ['force'],
    default: false,
  },

  ...machineOptions,
  signal: signalOption('stops and saves the run'),
} as const satisfies Table

type TrainTable = typeof trainOptions
export type TrainName = keyof TrainTable
/** Names of the rows that this part of a checkpoint stores. */
type StoredAs<Part extends string> = {
  [Name in TrainName]: TrainTable[Name] extends { readonly stored: Part } ? Name : never
}[TrainName]

/** Checked options of `train`. */
export type CheckedTrainOptions = Checked<TrainTable>

/** The options of `train()` in JSON, as in config.json. */
export type StoredOptions = Omit<TrainOptions, 'resume' | 'config' | 'out' | 'overwrite' | 'signal'>

/** The training options that checkpoints store, all resolved. */
export type TrainingConfig = {
  readonly [Name in StoredAs<'training'>]: ValueOf<TrainTable[Name]>
}

export const trainNames = Object.keys(trainOptions) as TrainName[]
/** Names of the rows that satisfy a condition. */
export function namesWhere(condition: (row: OptionRow) => boolean): TrainName[] {
  return trainNames.filter((name) => condition(rowOf(trainOptions, name)))
}
export type TrainingName = StoredAs<'training'>
export const trainingNames = namesWhere(({ stored }) => stored === 'training') as StoredAs<'training'>[]
export const modelNames = namesWhere(({ stored }) => stored === 'model') as StoredAs<'model'>[]

// The training values of presets must be options.
presets satisfies Readonly<Record<string, { readonly training: Partial<TrainingConfig> }>>
