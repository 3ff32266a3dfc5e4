// The hyperparameters of the course, by the name of the stage (lib/stages/). Each is a preset too.

import type { StageKind } from '../model/config'

/** Hyperparameters. What is not there has the trainer's default: AdamW with betas 0.9 and 0.999, weight decay 0.01. */
export interface Numbers {
  /** Sequences in a batch (B), tokens in a sequence (T), channels (C). */
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
  /** Random batches of each split in an evaluation. */
  readonly evalBatches: number
}

/** A stage that trains. */
export interface CourseEntry {
  /** '00' … '09'. */
  readonly number: string
  /** What it adds, in a line. */
  readonly idea: string
  readonly numbers: Numbers
}

/** From stage 04 to 08 the numbers are the same, but for the layers: only ideas change. */
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
    idea: 'text, tokens, batches, a table of pairs and its loss, step by step',
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
    idea: 'a table: from this character alone to scores of the next',
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
    idea: 'embeddings of what and where, and one head that looks back',
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
    idea: 'four heads side by side, each looking for something else',
    numbers: small,
  },
  'feed-forward': {
    number: '05',
    idea: 'after gathering, each position thinks: a linear layer and a kink',
    numbers: small,
  },
  blocks: {
    number: '06',
    idea: 'three blocks of attention and feed-forward: deeper, and not better',
    numbers: { ...small, layers: 3 },
  },
  residual: {
    number: '07',
    idea: 'x + f(x): blocks add to a straight road from input to output',
    numbers: { ...small, layers: 3 },
  },
  'layer-norm': {
    number: '08',
    idea: 'each block reads its input brought to scale',
    numbers: { ...small, layers: 3 },
  },
  decoder: {
    number: '09',
    idea: 'the GPT: large, with dropout; 10.8 million parameters, hours on a CPU',
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
