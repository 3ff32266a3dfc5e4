// What a language model is: it reads tokens and gives, at each position, a score (logit) for every token that may come next.

import type { Tensor } from '../graph/tensor'
import { positions } from '../ops'
import { constantIndex } from '../ops/fill'
import { Module } from './module'

/** The sizes of a model. */
export interface ModelSizes {
  /** Distinct tokens (V): the tokenizer's. */
  readonly vocabSize: number
  /** The longest sequence it sees, in tokens (T). */
  readonly blockSize: number
  /** Channels of an embedding (C). The bigram has none: its table is vocabSize wide. */
  readonly embed: number
  /** Attention heads; they divide `embed`. */
  readonly heads: number
  readonly layers: number
  /** Probability of dropout in training: on attention weights, after the projection and after the feed-forward. */
  readonly dropout: number
}

/** In two parts, since generation needs the logits of the last position alone. */
export abstract class LanguageModel extends Module {
  constructor(readonly sizes: ModelSizes) {
    super()
  }

  /** tokens [B, T] → what the last layer knows of each position [B, T, ·] */
  abstract hidden(tokens: Tensor): Tensor

  /** hidden […, ·] → logits […, V] */
  abstract logits(hidden: Tensor): Tensor

  /** tokens [B, T] → logits [B, T, V] */
  forward(tokens: Tensor): Tensor {
    return this.logits(this.hidden(tokens))
  }
}

/** Where tokens [B, T] stand in their sequence: 0 … T − 1, i32 [T], or in a generation on from where each one's cache ends, i32 [B, T]. */
export function positionsOf(tokens: Tensor): Tensor {
  const trace = tokens.trace!
  return positions(trace.cache?.start ?? constantIndex(0, trace), tokens.shape[1])
}
