// Self-attention: every position looks at the ones before it and at itself.

import type { Tensor } from '../graph/tensor'
import { attention, cacheWrite } from '../ops'
import { site } from '../random/philox'
import { Dropout } from './dropout'
import { Linear } from './linear'
import { Module } from './module'

export interface AttendOptions {
  /** Heads side by side: head h reads and writes channels h·D to (h + 1)·D − 1, D = channels / heads. Default 1. */
  heads?: number
  /** Heads of keys and values, each read by heads / kvHeads heads of queries. Default `heads`. */
  kvHeads?: number
  /** Probability of dropping an attention weight in training. Default 0. */
  dropout?: number
}

/**
 * Causal attention as a module of a model runs it: q [B, T, C], k and v [B, T, C·kvHeads / heads] → [B, T, C]. Where a generation goes on, the keys and values
 * of earlier positions come from its cache; in training, weights are dropped.
 *
 * @param module names the cache's tensors and the dropout's random numbers
 */
export function attend(module: Module, q: Tensor, k: Tensor, v: Tensor, options: AttendOptions = {}): Tensor {
  const { heads = 1, kvHeads, dropout = 0 } = options
  const { path } = module
  const { trace } = q
  if (trace?.cache) {
    const { cache } = trace
    const keys = cacheWrite(cache.tensor(`${path}/key`, k), k, cache.start, cache.slot)
    const values = cacheWrite(cache.tensor(`${path}/value`, v), v, cache.start, cache.slot)
    return attention(q, keys, values, { heads, kvHeads, cache })
  }
  if (dropout === 0 || !trace?.training) return attention(q, k, v, { heads, kvHeads })
  return attention(q, k, v, { heads, kvHeads, dropout, site: site(`${path}.dropout`), rng: trace.rng() })
}

/** Heads, and a projection that mixes what they found. */
export class CausalSelfAttention extends Module {
  readonly query: Linear
  readonly key: Linear
  readonly value: Linear
  readonly projection: Linear
  readonly residualDropout: Dropout

  /** @param dropout the probability of dropping an attention weight, and an element of the result */
  constructor(
    channels: number,
    private readonly heads: number,
    private readonly dropout = 0,
  ) {
    super()
    this.query = new Linear(channels, channels, { bias: false })
    this.key = new Linear(channels, channels, { bias: false })
    this.value = new Linear(channels, channels, { bias: false })
    this.projection = new Linear(channels, channels)
    this.residualDropout = new Dropout(dropout)
  }

  /** x [B, T, C] → [B, T, C] */
  forward(x: Tensor): Tensor {
    const [q, k, v] = [this.query.forward(x), this.key.forward(x), this.value.forward(x)]
    const found = attend(this, q, k, v, { heads: this.heads, dropout: this.dropout })
    return this.residualDropout.forward(this.projection.forward(found))
  }
}
