// Self-attention: every position looks at the ones before it and at itself.

import type { Tensor } from '../graph/tensor'
import { attention, cacheWrite, rmsNorm, rope } from '../ops'
import { site } from '../random/philox'
import { Dropout } from './dropout'
import type { InitialScheme } from './initial'
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

export interface SelfAttentionOptions {
  /** Probability of dropping an attention weight. Default: that of an element of the result. */
  attentionDropout?: number
  /** Heads of keys and values; they divide the heads, heads / kvHeads of which share one. Default: as many as heads. */
  kvHeads?: number
  /** Whether queries and keys are normalised, each head's to a root mean square of 1. Default false. */
  qkNorm?: boolean
  /** Whether the projection has a bias; query, key and value have none. Default true. */
  bias?: boolean
  /** How the layers begin. Default: as in PyTorch. */
  initial?: InitialScheme
}

/** Heads, and a projection that mixes what they found. */
export class CausalSelfAttention extends Module {
  readonly query: Linear
  readonly key: Linear
  readonly value: Linear
  readonly projection: Linear
  readonly residualDropout: Dropout
  private readonly dropout: number
  private readonly kvHeads: number
  private readonly qkNorm: boolean

  /** @param dropout the probability of dropping an attention weight, and an element of the result */
  constructor(
    channels: number,
    private readonly heads: number,
    dropout = 0,
    options: SelfAttentionOptions = {},
  ) {
    super()
    const { attentionDropout = dropout, kvHeads = heads, qkNorm = false, bias, initial } = options
    this.dropout = attentionDropout
    this.kvHeads = kvHeads
    this.qkNorm = qkNorm
    const begin = initial?.linear
    const shared = (channels / heads) * kvHeads
    this.query = new Linear(channels, channels, { bias: false, initial: begin })
    this.key = new Linear(channels, shared, { bias: false, initial: begin })
    this.value = new Linear(channels, shared, { bias: false, initial: begin })
    this.projection = new Linear(channels, channels, { bias, initial: initial?.residual })
    this.residualDropout = new Dropout(dropout)
  }

  /**
   * x [B, T, C] → [B, T, C]
   *
   * @param positions i32 [T] or [B, T]: queries and keys are turned by where they stand (`rope`). Default: they aren't
   */
  forward(x: Tensor, positions?: Tensor): Tensor {
    const { heads, kvHeads, dropout } = this
    const q = this.prepared(this.query.forward(x), heads, positions)
    const k = this.prepared(this.key.forward(x), kvHeads, positions)
    const found = attend(this, q, k, this.value.forward(x), { heads, kvHeads, dropout })
    return this.residualDropout.forward(this.projection.forward(found))
  }

  /** What queries and keys go through before they meet. */
  private prepared(x: Tensor, heads: number, positions: Tensor | undefined): Tensor {
    const normed = this.qkNorm ? rmsNorm(x, { groups: heads }) : x
    return positions ? rope(normed, positions, { heads }) : normed
  }
}
