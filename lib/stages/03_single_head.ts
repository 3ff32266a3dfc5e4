// Stage 03: a single head of attention. For the first time, what comes next depends on more than one character.
//
//     tokens [B, T]
//       → what each token is [B, T, C]  +  where it stands [T, C]        two embeddings, added
//       → the head: each position gathers from those before it [B, T, C]
//       → logits [B, T, V]                                               a linear layer
//
// The head is that of stage 02, now with weights that train. Its [T, T] weights are never stored: `attention` is one op
// that computes softmax(q·kᵀ / √D, the future masked)·v a tile at a time. (Dividing by √D, the head's own size, keeps the
// scores at the size of one whatever D is, so that the softmax begins soft.)
//
// Attention itself has no idea of order: shuffle the past, and the same weights come out, shuffled. The position
// embedding, a learned vector for each of the T places, is what tells 'ab' from 'ba'.

import type { Tensor } from '../graph/tensor'
import { attend, Embedding, LanguageModel, Linear, Module, positionsOf } from '../nn'
import { add } from '../ops'
import { course } from '../presets/course'
import type { ModelStage } from './stage'

/** What stages 03 to 09 have in common: embeddings below, a linear head above, and between them a `body` of their own. */
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

  /** What each position looks for, what it has to offer, and what it says if it is listened to: [B, T, D] each. */
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
