// Self-attention: every position looks at the ones before it and at itself.

import type { Tensor } from '../graph/tensor'
import { attention, cacheWrite } from '../ops'
import { site } from '../random/philox'
import type { Cache } from './cache'
import { Dropout } from './dropout'
import { Linear } from './linear'
import { Module } from './module'

/** The heads, side by side: head h computes channels h·D to (h + 1)·D − 1, D = channels / heads. */
export class CausalHeads extends Module {
  readonly query: Linear
  readonly key: Linear
  readonly value: Linear

  /** @param dropout the probability of dropping an attention weight */
  constructor(
    channels: number,
    private readonly heads: number,
    private readonly dropout = 0,
  ) {
    super()
    this.query = new Linear(channels, channels, { bias: false })
    this.key = new Linear(channels, channels, { bias: false })
    this.value = new Linear(channels, channels, { bias: false })
  }

  /** x [B, T, C] → [B, T, C]. With a cache, x continues the sequence that the cache holds. */
  forward(x: Tensor, cache?: Cache): Tensor {
    const q = this.query.forward(x)
    const k = this.key.forward(x)
    const v = this.value.forward(x)
    if (cache) {
      const keys = cacheWrite(cache.tensor(`${this.path}/key`, k), k, cache.start)
      const values = cacheWrite(cache.tensor(`${this.path}/value`, v), v, cache.start)
      return attention(q, keys, values, { heads: this.heads, start: cache.start })
    }
    const random = this.dropout > 0 && x.trace?.training
    const dropout = random
      ? { dropout: this.dropout, site: site(`${this.path}.dropout`), rng: x.trace!.rng() }
      : {}
    return attention(q, k, v, { heads: this.heads, ...dropout })
  }
}

/** Heads, and a projection that mixes what they found. */
export class CausalSelfAttention extends CausalHeads {
  readonly projection: Linear
  readonly residualDropout: Dropout

  constructor(channels: number, heads: number, dropout = 0) {
    super(channels, heads, dropout)
    this.projection = new Linear(channels, channels)
    this.residualDropout = new Dropout(dropout)
  }

  /** x [B, T, C] → [B, T, C] */
  override forward(x: Tensor, cache?: Cache): Tensor {
    return this.residualDropout.forward(this.projection.forward(super.forward(x, cache)))
  }
}
