// The options of train(), each once: type, help, default, what it applies to, and what a checkpoint, `resume` and `from` make of it.

import { option, say } from '../errors'
import { precisions } from '../graph/program'
import {
  activationNames,
  defaultVariants,
  initialNames,
  normNames,
  positionNames,
  type Variants,
} from '../nn'
import { optimizerNames, scheduleNames } from '../optim/names'
import { presetNames, presets } from '../presets'
import { tokenizerNames } from '../tokenizer/names'
import { type Checked, rowOf, type ValueOf } from './check'
import { dataOptions } from './data'
import { machineOptions } from './machine'
import type { OptionRow, Table } from './row'
import { signalOption } from './signal'
import { choice, flag, fraction, limit, name, path, real, seed, whole } from './types'

const usual = defaultVariants({ heads: 1, dropout: 0 })
/** Numbers that leave f32 a chance: an update multiplies or adds weights and gradients. */
const rate = () => real({ above: 0, max: 1e30 })
const muon = { option: 'optimizer', values: ['muon'] } as const

/** Parts of a model: weights fit no other. */
const model = { stored: 'model', resume: 'keeps', from: 'keeps' } as const
/** What a model is trained with, but can do without. */
const dropouts = { stored: 'model', resume: 'keeps' } as const
/** What decides each update: a resumed run keeps it, so that it ends as if it had never stopped. */
const training = { stored: 'training', resume: 'keeps' } as const
/** What may change while a run is under way. */
const progress = { stored: 'training' } as const
/** What a run reports and keeps on the way: a new run chooses its own. */
const reports = { stored: 'training', from: 'default' } as const

/** What can be chosen about a model of the kind 'gpt'. */
const variants = {
  positions: {
    type: choice(positionNames),
    group: 'variants',
    ...model,
    help: "how the model knows positions: 'learned' vectors or 'rope'",
    default: usual.positions,
  },
  norm: {
    type: choice(normNames),
    group: 'variants',
    ...model,
    help: "normalisation: 'layer' or 'rms'",
    default: usual.norm,
  },
  normAffine: {
    type: flag,
    group: 'variants',
    ...model,
    formerly: 'normGain',
    help: 'norms have a gain and, layer norms, a bias',
    default: usual.normAffine,
  },
  activation: {
    type: choice(activationNames),
    group: 'variants',
    ...model,
    help: 'activation function of the feed-forward layer',
    default: usual.activation,
  },
  qkNorm: {
    type: flag,
    group: 'variants',
    ...model,
    help: 'RMS-normalise queries and keys, each head on its own',
    default: usual.qkNorm,
  },
  kvHeads: {
    type: whole(),
    group: 'variants',
    ...model,
    help: say`heads of keys and values; they divide ${option('heads')}`,
    default: { words: say`${option('heads')}` },
    follows: 'heads',
  },
  tiedEmbeddings: {
    type: flag,
    group: 'variants',
    ...model,
    help: 'the output layer uses the token embedding as its weight',
    default: usual.tiedEmbeddings,
  },
  logitSoftcap: {
    type: real({ min: 0 }),
    group: 'variants',
    ...model,
    formerly: 'logitCap',
    help: 'soft limit of the logits, cap · tanh(logits / cap); 0: none',
    default: usual.logitSoftcap,
  },
  bias: {
    type: flag,
    group: 'variants',
    ...model,
    help: 'linear layers and layer norms have biases',
    default: usual.bias,
  },
  embeddingNorm: {
    type: flag,
    group: 'variants',
    ...model,
    help: 'normalise the embeddings before the first block',
    default: usual.embeddingNorm,
  },
  attentionDropout: {
    type: fraction(),
    group: 'variants',
    ...dropouts,
    help: 'probability of dropping an attention weight',
    default: { words: say`${option('dropout')}` },
    follows: 'dropout',
  },
  embeddingDropout: {
    type: fraction(),
    group: 'variants',
    ...dropouts,
    help: 'probability of dropping an element of the embeddings',
    default: usual.embeddingDropout,
    follows: 'dropout',
  },
  init: {
    type: choice(initialNames),
    group: 'variants',
    ...model,
    formerly: 'initial',
    help: 'initial weights',
    default: { by: 'tiedEmbeddings', values: { true: 'gpt2' }, otherwise: usual.init },
  },
} as const satisfies Record<keyof Variants, OptionRow>

const optimizer = {
  optimizer: {
    type: choice(optimizerNames),
    group: 'optimizer',
    ...training,
    help: "'muon' is for the matrices of blocks, with AdamW for the rest",
    default: 'adamw',
    unused: 'adamw',
  },
  learningRate: {
    type: rate(),
    group: 'optimizer',
    ...training,
    help: 'learning rate of AdamW and SGD',
    otherNames: ['lr', 'rate'],
  },
  beta1: {
    type: fraction(),
    group: 'optimizer',
    ...training,
    help: "decay rate of AdamW's running mean of gradients",
    default: 0.9,
  },
  beta2: {
    type: fraction(),
    group: 'optimizer',
    ...training,
    help: "decay rate of AdamW's running mean of squared gradients",
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
    help: "weight decay, decoupled from the gradient except for 'sgd'",
    otherNames: ['wd', 'decay'],
    default: 0.01,
  },
  gradientClip: {
    type: limit(),
    group: 'optimizer',
    ...training,
    help: 'clip the norm of all gradients together to this',
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
    help: "steps over which Muon's momentum rises from 0.85",
    default: 0,
    applies: muon,
    unused: 0,
  },
  nesterov: {
    type: flag,
    group: 'optimizer',
    ...training,
    help: 'Nesterov momentum, which Muon always has',
    default: false,
    applies: { option: 'optimizer', values: ['sgd'] },
    unused: false,
  },
  matrixLearningRate: {
    type: rate(),
    group: 'optimizer',
    ...training,
    help: say`Muon's learning rate for matrices; ${option('learningRate')} is for the rest`,
    default: 0.02,
    applies: muon,
    unused: 0.02,
  },
  schedule: {
    type: choice(scheduleNames),
    group: 'schedule',
    ...training,
    help: "learning rate schedule; 'wsd': constant, then linear",
    default: 'constant',
    unused: 'constant',
  },
  warmup: {
    type: whole({ min: 0 }),
    group: 'schedule',
    ...training,
    help: 'steps over which learning rates rise at the start',
    otherNames: ['warmupSteps', 'warmupIters'],
    default: 0,
    unused: 0,
  },
  finalLearningRateFraction: {
    type: real({ min: 0, max: 1, placeholder: '<p>' }),
    group: 'schedule',
    ...training,
    formerly: 'minLearningRate',
    help: 'fraction of the learning rate that is left at the end',
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
    help: 'fraction of all steps, at the end, in which the rate falls',
    default: 0.2,
    applies: { option: 'schedule', values: ['wsd'], carriesOver: true },
    unused: 0.2,
  },
  emaDecay: {
    type: fraction(),
    group: 'optimizer',
    ...training,
    formerly: 'average',
    help: 'decay rate of averaged weights, used as the model; 0: none',
    otherNames: ['ema', 'averageDecay'],
    default: 0,
    unused: 0,
  },
} as const satisfies Table

export const trainOptions = {
  ...dataOptions,
  tokenizer: {
    type: choice(tokenizerNames),
    group: 'data',
    resume: 'keeps',
    from: 'keeps',
    help: "how text becomes tokens: 'char', one for each distinct character",
    default: 'char',
  },
  resume: {
    type: path('<dir|file>'),
    group: 'data',
    perCall: true,
    help: 'continue the run in this folder as if it had never stopped',
    otherNames: ['continue'],
  },
  from: {
    type: path('<dir|file>'),
    group: 'data',
    help: 'start a new run from the weights of a run or checkpoint',
    otherNames: ['initFrom', 'finetune', 'finetuneFrom'],
  },
  config: {
    type: path('<dir|file>'),
    group: 'data',
    perCall: true,
    help: 'take options that are not given from a run or JSON file',
  },

  preset: {
    type: name(presetNames, '(string & {})'),
    group: 'model',
    resume: 'keeps',
    from: 'keeps',
    help: 'model and training options to start from; "auto" measures this device',
    default: 'cpu',
  },
  minutes: {
    type: real({ above: 0 }),
    group: 'model',
    resume: 'keeps',
    from: 'keeps',
    help: 'how long to train, roughly',
    default: 3,
    applies: { option: 'preset', values: ['auto'] },
  },
  layers: {
    type: whole({ min: 1, max: 1000 }),
    group: 'model',
    ...model,
    help: 'transformer blocks',
    otherNames: ['nLayer', 'depth', 'numLayers'],
  },
  heads: {
    type: whole(),
    group: 'model',
    ...model,
    help: say`attention heads; they divide ${option('embed')}`,
    otherNames: ['nHead', 'numHeads'],
  },
  embed: {
    type: whole(),
    group: 'model',
    ...model,
    help: 'channels of an embedding',
    otherNames: ['nEmbd', 'nEmbed', 'width', 'channels', 'hiddenSize', 'dModel'],
  },
  blockSize: {
    type: whole(),
    group: 'model',
    ...model,
    help: 'context length in tokens',
    otherNames: ['context', 'contextLength', 'sequenceLength', 'seqLen', 'blockLength'],
  },
  dropout: { type: fraction(), group: 'model', ...dropouts, help: 'dropout probability' },

  ...variants,

  steps: {
    type: whole(),
    group: 'training',
    ...progress,
    help: 'updates in all, counted from the start of the run',
    otherNames: ['epochs', 'iterations', 'iters', 'maxIters', 'maxSteps'],
  },
  batchSize: {
    type: whole(),
    group: 'training',
    ...training,
    help: 'sequences in a micro-batch',
    otherNames: ['batch'],
  },
  gradientAccumulationSteps: {
    type: whole({ min: 1, max: 65_536 }),
    group: 'training',
    ...training,
    formerly: 'microBatches',
    help: 'micro-batches whose gradients are averaged for one update',
    otherNames: ['gradientAccumulation', 'gradAccumSteps', 'accumulate'],
    default: 1,
  },
  precision: {
    type: choice(precisions),
    group: 'training',
    ...progress,
    help: "number format of matrix products; 'tf32' and 'bf16' need a GPU",
    otherNames: ['dtype'],
    default: 'f32',
    unused: 'f32',
  },
  seed: {
    type: seed,
    group: 'training',
    resume: 'keeps',
    help: 'decides weights, batches and dropout; 64 bits',
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
    help: 'random batches of each split in an evaluation',
    otherNames: ['evalIters'],
  },
  exactEvaluation: {
    type: flag,
    group: 'progress',
    ...reports,
    help: 'evaluate the whole validation split too, and judge by that',
    default: false,
    unused: false,
  },
  sampleInterval: {
    type: whole({ min: 0 }),
    group: 'progress',
    ...reports,
    help: 'steps between samples of text; 0: none',
    otherNames: ['sampleEvery'],
    default: 0,
    unused: 0,
  },
  sampleTokens: {
    type: whole(),
    group: 'progress',
    ...reports,
    help: 'tokens in a sample',
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
  out: {
    type: path('<dir>'),
    group: 'progress',
    perCall: true,
    help: 'run folder, for checkpoints and config.json',
    otherNames: ['output', 'outputDir', 'outDir', 'dir', 'save'],
    default: { words: 'none: nothing is saved' },
    commandLine: { default: 'runs/<preset>-<date>-<time>' },
  },
  overwrite: {
    type: flag,
    group: 'progress',
    perCall: true,
    help: say`replace the run that ${option('out')} holds`,
    otherNames: ['force'],
    default: false,
  },

  ...machineOptions,
  signal: signalOption('stops the run and saves it'),
} as const satisfies Table

type TrainTable = typeof trainOptions
export type TrainName = keyof TrainTable
/** Names of the rows that a checkpoint keeps as this. */
type StoredAs<Part extends string> = {
  [Name in TrainName]: TrainTable[Name] extends { readonly stored: Part } ? Name : never
}[TrainName]

/** Options of `train`, checked. */
export type CheckedTrainOptions = Checked<TrainTable>

/** What a training run is made of, every number in its place: what checkpoints keep of it. */
export type TrainingConfig = {
  readonly [Name in StoredAs<'training'>]: ValueOf<TrainTable[Name]>
}

export const trainNames = Object.keys(trainOptions) as TrainName[]
/** The rows that satisfy a condition, by name. */
export function namesWhere(condition: (row: OptionRow) => boolean): TrainName[] {
  return trainNames.filter((name) => condition(rowOf(trainOptions, name)))
}
export const trainingNames = namesWhere(({ stored }) => stored === 'training') as StoredAs<'training'>[]
export const modelNames = namesWhere(({ stored }) => stored === 'model') as StoredAs<'model'>[]

/** What presets say of training are options. */
presets satisfies Readonly<Record<string, { readonly training: Partial<TrainingConfig> }>>
