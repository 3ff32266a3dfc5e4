// The named presets: the stages of the course, nanoGPT's two Shakespeare models, a modern recipe,
// and `auto`.

import { NanoGptError, option, say, suggest } from '../errors'
import { type GptConfig, type Sized, type StageConfig, type StageKind, stageKinds } from '../model/config'
import { defaultVariants, type ModelSizes, type Variants } from '../nn'
import { type CourseEntry, course, type Numbers } from './course'

/**
 * The training options of a preset, which lib/options checks. Every preset has these; all other
 * options default as usual.
 */
export type TrainingDefaults = Pick<
  Numbers,
  'batchSize' | 'learningRate' | 'steps' | 'evalInterval' | 'evalBatches' | 'weightDecay'
>

export interface Preset {
  readonly description: string
  readonly model: Sized
  readonly training: TrainingDefaults
}

function fromCourse(kind: StageKind, { idea, numbers }: CourseEntry) {
  const { blockSize, embed, heads, layers, dropout, ...training } = numbers
  return { description: idea, model: { kind, blockSize, embed, heads, layers, dropout }, training }
}

const stagePresets = Object.fromEntries(
  stageKinds.map((kind) => [kind, fromCourse(kind, course[kind])]),
) as Record<StageKind, Preset & { readonly model: Sized<StageConfig> }>

function sizesOf(kind: StageKind): Omit<ModelSizes, 'vocabSize'> {
  const { kind: _, ...sizes } = stagePresets[kind].model
  return sizes
}

/** A Gpt of these sizes: the decoder, except for the given variants. */
function gpt(sizes: Omit<ModelSizes, 'vocabSize'>, variants: Partial<Variants> = {}): Sized<GptConfig> {
  return { kind: 'gpt', ...sizes, ...defaultVariants(sizes), ...variants }
}

/** nanoGPT's model (Karpathy, 2022), as in its Shakespeare configurations. */
function nanoGpt(sizes: Omit<ModelSizes, 'vocabSize'>): Sized<GptConfig> {
  return gpt(sizes, {
    activation: 'gelu',
    bias: false,
    tiedEmbeddings: true,
    embeddingDropout: sizes.dropout,
    init: 'gpt2',
  })
}

/**
 * The training options of nanoGPT's two Shakespeare configurations. nanoGPT exempts the norms'
 * gains from weight decay; here it applies to all parameters.
 */
const nanoGptTraining = {
  learningRate: 1e-3,
  beta2: 0.99,
  weightDecay: 0.1,
  gradientClip: 1,
  schedule: 'cosine',
  warmup: 100,
  finalLearningRateFraction: 0.1,
} as const

/**
 * The model of a recipe that learns fast: RoPE, RMS norms without gain, ReLU², QK norm, capped
 * logits, no biases, and residual projections and a head that start at zero.
 */
function recipe(sizes: Omit<ModelSizes, 'vocabSize'>): Sized<GptConfig> {
  return gpt(sizes, {
    positions: 'rope',
    norm: 'rms',
    normAffine: false,
    activation: 'relu-squared',
    qkNorm: true,
    logitSoftcap: 15,
    bias: false,
    embeddingNorm: true,
    attentionDropout: 0,
    embeddingDropout: sizes.dropout,
    init: 'zero-residual',
  })
}

/**
 * Its training options: Muon for the matrices of the blocks, and rates that decay to zero over the
 * last 60 % of the steps.
 */
const recipeTraining = {
  optimizer: 'muon',
  matrixLearningRate: 0.02,
  momentum: 0.95,
  momentumWarmup: 150,
  weightDecay: 0.1,
  learningRate: 3e-3,
  beta2: 0.95,
  schedule: 'wsd',
  warmup: 50,
  decayFraction: 0.6,
} as const

export const presets = {
  notebook: fromCourse('bigram', course.notebook),
  ...stagePresets,
  gpt: {
    description: 'the sizes and settings of decoder, for a model whose parts are options (docs/variants.md)',
    model: gpt(sizesOf('decoder')),
    training: stagePresets.decoder.training,
  },
  cpu: {
    description: 'nanoGPT’s CPU model, 0.8 million parameters: minutes on a laptop',
    model: nanoGpt({ blockSize: 64, embed: 128, heads: 4, layers: 4, dropout: 0 }),
    training: { ...nanoGptTraining, batchSize: 12, steps: 2000, evalInterval: 250, evalBatches: 20 },
  },
  baby: {
    description: 'nanoGPT’s baby model, 10.7 million parameters: hours on a CPU',
    model: nanoGpt({ blockSize: 256, embed: 384, heads: 6, layers: 6, dropout: 0.2 }),
    training: { ...nanoGptTraining, batchSize: 64, steps: 5000, evalInterval: 250, evalBatches: 5 },
  },
  speedrun: {
    description: 'a modern recipe, 3.2 million parameters: a loss of 1.47 in 1,500 steps',
    model: recipe({ blockSize: 256, embed: 256, heads: 4, layers: 4, dropout: 0.1 }),
    training: { ...recipeTraining, batchSize: 16, steps: 1500, evalInterval: 250, evalBatches: 20 },
  },
  auto: {
    description: 'the recipe of speedrun, sized for this device and a few minutes (--minutes, default 3)',
    model: recipe({ blockSize: 128, embed: 128, heads: 2, layers: 4, dropout: 0 }),
    training: { ...recipeTraining, batchSize: 16, steps: 1500, evalInterval: 250, evalBatches: 20 },
  },
} satisfies Record<string, Preset>

export type PresetName = keyof typeof presets
export const presetNames = Object.keys(presets) as PresetName[]

/**
 * Finds a preset.
 *
 * @param name a preset's name, or the number of its stage: '03' is 'single-head'
 * @throws NanoGptError 'option' that suggests the closest name
 */
export function findPreset(name: string): Preset {
  const named = Object.entries(course).find(([, { number }]) => number === name)?.[0] ?? name
  if (Object.hasOwn(presets, named)) return presets[named as PresetName]
  const close = suggest(name, presetNames)
  throw new NanoGptError('option', {
    where: 'train',
    option: 'preset',
    value: name,
    reason: `there is no such preset; there are ${presetNames.join(', ')}`,
    ...(close && { remedy: say`Did you mean ${option('preset', close)}?` }),
  })
}
