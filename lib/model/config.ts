// What a model is made of, and the named presets.

import { NanoGptError, show, suggest } from '../errors'

export const modelKinds = ['bigram', 'single-head', 'decoder'] as const
export type ModelKind = (typeof modelKinds)[number]

/** The sizes of a model. All but `vocabSize` have a preset's value to begin with. */
export interface ModelConfig {
  kind: ModelKind
  /** Distinct tokens: the tokenizer's. */
  vocabSize: number
  /** The longest sequence it sees, in tokens (T). */
  blockSize: number
  /** Channels of an embedding (C). The bigram has none: its table is vocabSize wide. */
  embed: number
  /** Attention heads; they divide `embed`. */
  heads: number
  layers: number
  /** Probability of dropout in training: on attention weights, after the projection and after the feed-forward. */
  dropout: number
}

/** How a preset trains, unless options say otherwise. */
export interface TrainingDefaults {
  batchSize: number
  learningRate: number
  steps: number
  evalInterval: number
  evalBatches: number
}

export interface Preset {
  readonly description: string
  readonly model: Omit<ModelConfig, 'vocabSize'>
  readonly training: TrainingDefaults
}

const small = { blockSize: 8, embed: 32, heads: 1, layers: 1, dropout: 0 }

export const presets = {
  bigram: {
    description: 'a table of next-token logits',
    model: { kind: 'bigram', ...small },
    training: { batchSize: 32, learningRate: 1e-2, steps: 3000, evalInterval: 300, evalBatches: 200 },
  },
  'single-head': {
    description: 'token and position embeddings, one causal attention head',
    model: { kind: 'single-head', ...small },
    training: { batchSize: 32, learningRate: 1e-3, steps: 5000, evalInterval: 300, evalBatches: 200 },
  },
  cpu: {
    description: '0.8 M parameters, four layers: reads well after a few minutes on a laptop',
    model: { kind: 'decoder', blockSize: 64, embed: 128, heads: 4, layers: 4, dropout: 0 },
    training: { batchSize: 12, learningRate: 1e-3, steps: 2000, evalInterval: 250, evalBatches: 20 },
  },
  decoder: {
    description: '10.8 M parameters, six layers: the full model, hours on a CPU',
    model: { kind: 'decoder', blockSize: 256, embed: 384, heads: 6, layers: 6, dropout: 0.2 },
    training: { batchSize: 64, learningRate: 5e-4, steps: 5000, evalInterval: 500, evalBatches: 10 },
  },
} satisfies Record<string, Preset>

export type PresetName = keyof typeof presets

/** @throws NanoGptError that suggests the nearest name */
export function findPreset(name: string): Preset {
  if (Object.hasOwn(presets, name)) return presets[name as PresetName]
  const names = Object.keys(presets)
  const close = suggest(name, names)
  const hint = close ? ` Did you mean '${close}'?` : ''
  throw new NanoGptError('option', `there is no preset ${show(name)}; there are ${names.join(', ')}.${hint}`)
}
