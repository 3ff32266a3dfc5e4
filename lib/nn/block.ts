// One transformer block: positions talk to each other, then each thinks for itself.

import type { Tensor } from '../graph/tensor'
import { add } from '../ops'
import { CausalSelfAttention } from './attention'
import { FeedForward } from './feed_forward'
import { LayerNorm } from './layer_norm'
import { Module } from './module'

export class Block extends Module {
  readonly attentionNorm: LayerNorm
  readonly attention: CausalSelfAttention
  readonly feedForwardNorm: LayerNorm
  readonly feedForward: FeedForward

  constructor(channels: number, heads: number, dropout = 0) {
    super()
    this.attentionNorm = new LayerNorm(channels)
    this.attention = new CausalSelfAttention(channels, heads, dropout)
    this.feedForwardNorm = new LayerNorm(channels)
    this.feedForward = new FeedForward(channels, dropout)
  }

  /** x [B, T, C] → x + attention(norm(x)) → that + feedForward(norm(that)) */
  forward(x: Tensor): Tensor {
    const attended = add(x, this.attention.forward(this.attentionNorm.forward(x)))
    return add(attended, this.feedForward.forward(this.feedForwardNorm.forward(attended)))
  }
}
