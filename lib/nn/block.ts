// A transformer block: attention, then feed-forward, each with a norm before it and a residual
// connection around it.

import type { Tensor } from '../graph/tensor'
import { add } from '../ops'
import { CausalSelfAttention, type SelfAttentionOptions } from './attention'
import { FeedForward, type FeedForwardOptions } from './feed_forward'
import { Module } from './module'
import { createNorm, type Norm, type NormOptions } from './norm'

export interface BlockOptions extends NormOptions, SelfAttentionOptions, FeedForwardOptions {}

export class Block extends Module {
  readonly attentionNorm: Norm
  readonly attention: CausalSelfAttention
  readonly feedForwardNorm: Norm
  readonly feedForward: FeedForward

  constructor(channels: number, heads: number, dropout = 0, options: BlockOptions = {}) {
    super()
    this.attentionNorm = createNorm(channels, options)
    this.attention = new CausalSelfAttention(channels, heads, dropout, options)
    this.feedForwardNorm = createNorm(channels, options)
    this.feedForward = new FeedForward(channels, dropout, options)
  }

  /**
   * x [B, T, C] → y = x + attention(norm(x)) → y + feedForward(norm(y)), [B, T, C]
   *
   * @param positions i32 [T] or [B, T]: see `CausalSelfAttention.forward`
   */
  forward(x: Tensor, positions?: Tensor): Tensor {
    const attended = add(x, this.attention.forward(this.attentionNorm.forward(x), positions))
    return add(attended, this.feedForward.forward(this.feedForwardNorm.forward(attended)))
  }
}
