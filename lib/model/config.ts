// What a model is made of, and the named presets: the stages of the course, nanoGPT's two models, and `auto`.

import { NanoGptError, show, suggest } from '../errors'
import type { ModelSizes } from '../nn'
import type { OptimizerName, ScheduleName } from '../optim/names'
import { modelStages, notebook, stages } from '../stages'
import type { Numbers } from '../stages/stage'

export type ModelKind = keyof typeof modelStages
export const modelKinds = Object.keys(modelStages) as ModelKind[]

/** A model: its kind, which is the name of the stage that defines it, and its sizes. */
export interface ModelConfig extends ModelSizes {
  readonly kind: ModelKind
}

/** How a preset trains, unless options say otherwise. What is not there has the defaults of `train`. */
export interface TrainingDefaults {
  readonly batchSize: number
  readonly learningRate: number
  readonly steps: number
  readonly evalInterval: number
  readonly evalBatches: number
  readonly optimizer?: OptimizerName
  readonly beta2?: number
  readonly weightDecay?: number
  readonly gradientClip?: number
  readonly momentum?: number
  readonly momentumWarmup?: number
  readonly nesterov?: boolean
  readonly matrixLearningRate?: number
  readonly schedule?: ScheduleName
  readonly warmup?: number
  readonly minLearningRate?: number
  readonly decayPart?: number
  readonly average?: number
}

export interface Preset {
  readonly description: string
  readonly model: Omit<ModelConfig, 'vocabSize'>
  readonly training: TrainingDefaults
}

function fromStage(kind: ModelKind, idea: string, numbers: Numbers): Preset {
  const { blockSize, embed, heads, layers, dropout, ...training } = numbers
  return { description: idea, model: { kind, blockSize, embed, heads, layers, dropout }, training }
}

const stagePresets = Object.fromEntries(
  modelKinds.map((kind) => [kind, fromStage(kind, modelStages[kind].idea, modelStages[kind].numbers)]),
) as Record<ModelKind, Preset>

/** What nanoGPT's two Shakespeare configurations share. (Its GELU, tied embeddings, missing biases and cosine schedule are not here yet.) */
const nanoGpt = { learningRate: 1e-3, beta2: 0.99, weightDecay: 0.1, gradientClip: 1 } as const

export const presets = {
  notebook: fromStage('bigram', notebook.idea, notebook.numbers),
  ...stagePresets,
  cpu: {
    description: 'the sizes of nanoGPT’s CPU model, 0.8 million parameters: minutes on a laptop',
    model: { kind: 'decoder', blockSize: 64, embed: 128, heads: 4, layers: 4, dropout: 0 },
    training: { ...nanoGpt, batchSize: 12, steps: 2000, evalInterval: 250, evalBatches: 20 },
  },
  baby: {
    description: 'the sizes of nanoGPT’s baby model, 10.8 million parameters: hours on a CPU',
    model: { kind: 'decoder', blockSize: 256, embed: 384, heads: 6, layers: 6, dropout: 0.2 },
    training: { ...nanoGpt, batchSize: 64, steps: 5000, evalInterval: 250, evalBatches: 5 },
  },
  auto: {
    description: 'sized to what this device can train in a few minutes (--minutes, default 3)',
    model: { kind: 'decoder', blockSize: 64, embed: 128, heads: 4, layers: 4, dropout: 0 },
    training: {
      ...nanoGpt,
      learningRate: 2e-3,
      batchSize: 12,
      steps: 2000,
      evalInterval: 250,
      evalBatches: 20,
    },
  },
} satisfies Record<string, Preset>

export type PresetName = keyof typeof presets

/**
 * @param name a preset's name, or the number of the stage that brings it: '03' is 'single-head'
 * @throws NanoGptError that suggests the nearest name
 */
export function findPreset(name: string): Preset {
  const named = stages.find(({ number }) => number === name)?.name ?? name
  if (Object.hasOwn(presets, named)) return presets[named as PresetName]
  const names = Object.keys(presets)
  const close = suggest(name, names)
  const hint = close ? ` Did you mean '${close}'?` : ''
  throw new NanoGptError('option', `there is no preset ${show(name)}; there are ${names.join(', ')}.${hint}`)
}
