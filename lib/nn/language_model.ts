// The base class of language models. A model reads tokens and returns, at each position, a score
// (logit) for every possible next token.

import type { Tensor } from '../graph/tensor'
import { positions } from '../ops'
import { constantIndex } from '../ops/fill'
import { Module } from './module'

/** The sizes of a model. */
export interface ModelSizes {
  /** Vocabulary size (V), set by the tokenizer. */
  readonly vocabSize: number
  /** Maximum sequence length in tokens (T). */
  readonly blockSize: number
  /** Embedding channels (C). The bigram ignores it: its table is vocabSize wide. */
  readonly embed: number
  /** Number of attention heads, which must divide `embed`. */
  readonly heads: number
  readonly layers: number
  /**
   * Dropout probability in training: of attention weights, after the projection and after the
   * feed-forward.
   */
  readonly dropout: number
}

/**
 * A language model. It has two parts because generation needs only the logits of the last position.
 */
export abstract class LanguageModel extends Module {
  constructor(readonly sizes: ModelSizes) {
    super()
  }

  /** tokens [B, T] → the output of the last layer at each position [B, T, ·] */
  abstract hidden(tokens: Tensor): Tensor

  /** hidden […, ·] → logits […, V] */
  abstract logits(hidden: Tensor): Tensor

  /** tokens [B, T] → logits [B, T, V] */
  forward(tokens: Tensor): Tensor {
    return this.logits(this.hidden(tokens))
  }
}

/**
 * The positions of tokens [B, T] in their sequences: 0 … T − 1, i32 [T]. In generation, they
 * continue from the end of each sequence's cache, i32 [B, T].
 */
export function positionsOf(tokens: Tensor): Tensor {
  const trace = tokens.trace!
  return positions(trace.cache?.start ?? constantIndex(0, trace), tokens.shape[1])
}
