// Stage 03: a single attention head. The prediction now depends on more than one character.
//
//     tokens [B, T]
//       → token embedding [B, T, C]  +  position embedding [T, C]
//       → head [B, T, C]: each position gathers from itself and the positions before it
//       → linear layer: logits [B, T, V]
//
// The head is the one of stage 02, now with trained weights. Its attention weights [T, T] are never
// stored: `attention` is one op that computes softmax(q·kᵀ / √D, future masked)·v one tile at a
// time. Dividing by √D, where D is the head size, keeps the variance of the scores independent of
// D, so that the softmax is not saturated at the start.
//
// Attention itself ignores order: if the past is shuffled, the weights are shuffled with it, and
// the result is the same. The position embedding, a learned vector for each of the T positions,
// distinguishes 'ab' from 'ba'.

import type { Tensor } from '../graph/tensor'
import { attend, Embedding, LanguageModel, Linear, Module, positionsOf } from '../nn'
import { add } from '../ops'
import { course } from '../presets/course'
import type { ModelStage } from './stage'

/**
 * The base of stages 03 to 09: token and position embeddings, a `body` that each stage defines, and
 * a linear head.
 */
export abstract class EmbeddedModel extends LanguageModel {
  readonly tokenEmbedding = new Embedding(this.sizes.vocabSize, this.sizes.embed)
  readonly positionEmbedding = new Embedding(this.sizes.blockSize, this.sizes.embed)
  readonly head = new Linear(this.sizes.embed, this.sizes.vocabSize, { head: true })

  /** x [B, T, C] → [B, T, C] */
  abstract body(x: Tensor): Tensor

  hidden(tokens: Tensor): Tensor {
    const what = this.tokenEmbedding.forward(tokens) // [B, T, C]
    const where = this.positionEmbedding.forward(positionsOf(tokens)) // [T, C]
    return this.body(add(what, where))
  }

  logits(hidden: Tensor): Tensor {
    return this.head.forward(hidden)
  }
}

/** One head of causal self-attention: x [B, T, C] → [B, T, D]. */
export class Head extends Module {
  readonly query: Linear
  readonly key: Linear
  readonly value: Linear

  constructor(channels: number, headSize: number) {
    super()
    this.query = new Linear(channels, headSize, { bias: false })
    this.key = new Linear(channels, headSize, { bias: false })
    this.value = new Linear(channels, headSize, { bias: false })
  }

  forward(x: Tensor): Tensor {
    const [q, k, v] = this.project(x)
    return attend(this, q, k, v)
  }

  /**
   * The query (what a position looks for), key (what it is matched by) and value (what it passes
   * on) of each position: [B, T, D] each.
   */
  protected project(x: Tensor): [q: Tensor, k: Tensor, v: Tensor] {
    return [this.query.forward(x), this.key.forward(x), this.value.forward(x)]
  }
}

export class SingleHead extends EmbeddedModel {
  readonly attention = new Head(this.sizes.embed, this.sizes.embed)

  body(x: Tensor): Tensor {
    return this.attention.forward(x)
  }
}

export const singleHead: ModelStage = {
  ...course['single-head'],
  name: 'single-head',
  model: SingleHead,
}
