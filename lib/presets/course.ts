// The hyperparameters of the course, by the name of the stage (lib/stages/). Each entry is also a
// preset.

import type { StageKind } from '../model/config'

/**
 * The hyperparameters of a stage. Everything else has the trainer's defaults: AdamW with betas 0.9
 * and 0.999, weight decay 0.01.
 */
export interface Numbers {
  /** Sequences per batch (B), tokens per sequence (T), channels (C). */
  readonly batchSize: number
  readonly blockSize: number
  readonly embed: number
  readonly heads: number
  readonly layers: number
  readonly dropout: number
  readonly learningRate: number
  readonly weightDecay?: number
  readonly steps: number
  /** Steps between evaluations. */
  readonly evalInterval: number
  /** Random batches of each split per evaluation. */
  readonly evalBatches: number
}

/** A stage that trains. */
export interface CourseEntry {
  /** '00' … '09'. */
  readonly number: string
  /** What the stage adds, in one line. */
  readonly idea: string
  readonly numbers: Numbers
}

/**
 * Stages 04 to 08 have the same hyperparameters, except for the number of layers, so that only the
 * ideas differ.
 */
const small: Numbers = {
  batchSize: 32,
  blockSize: 8,
  embed: 32,
  heads: 4,
  layers: 1,
  dropout: 0,
  learningRate: 1e-3,
  steps: 5000,
  evalInterval: 500,
  evalBatches: 200,
}

export const course = {
  notebook: {
    number: '00',
    idea: 'text, tokens, batches, a bigram table and its loss, step by step',
    numbers: {
      batchSize: 32,
      blockSize: 8,
      embed: 32, // not used: the table is as wide as the vocabulary
      heads: 1,
      layers: 1,
      dropout: 0,
      learningRate: 1e-3,
      weightDecay: 0, // AdamW without decay is Adam
      steps: 10_000,
      evalInterval: 10_000,
      evalBatches: 200,
    },
  },
  bigram: {
    number: '01',
    idea: 'a bigram table: predicts the next character from the current one',
    numbers: {
      batchSize: 32,
      blockSize: 8,
      embed: 32, // not used: the table is as wide as the vocabulary
      heads: 1,
      layers: 1,
      dropout: 0,
      learningRate: 1e-2,
      steps: 3000,
      evalInterval: 300,
      evalBatches: 200,
    },
  },
  'single-head': {
    number: '03',
    idea: 'token and position embeddings, and one attention head',
    numbers: {
      batchSize: 32,
      blockSize: 8,
      embed: 32,
      heads: 1,
      layers: 1,
      dropout: 0,
      learningRate: 1e-3,
      steps: 5000,
      evalInterval: 300,
      evalBatches: 200,
    },
  },
  'multi-head': {
    number: '04',
    idea: 'four attention heads in parallel',
    numbers: small,
  },
  'feed-forward': {
    number: '05',
    idea: 'a feed-forward layer after the attention',
    numbers: small,
  },
  blocks: {
    number: '06',
    idea: 'three blocks of attention and feed-forward: deeper, but not better',
    numbers: { ...small, layers: 3 },
  },
  residual: {
    number: '07',
    idea: 'residual connections: each block adds to its input',
    numbers: { ...small, layers: 3 },
  },
  'layer-norm': {
    number: '08',
    idea: 'layer normalization before each layer',
    numbers: { ...small, layers: 3 },
  },
  decoder: {
    number: '09',
    idea: 'the full GPT with dropout: 10.8 million parameters, hours on a CPU',
    numbers: {
      batchSize: 64,
      blockSize: 256,
      embed: 384,
      heads: 6,
      layers: 6,
      dropout: 0.2,
      learningRate: 5e-4,
      steps: 5000,
      evalInterval: 500,
      evalBatches: 10,
    },
  },
} satisfies Record<'notebook' | StageKind, CourseEntry>
