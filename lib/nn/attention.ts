// Causal self-attention: each position attends to itself and to the positions before it.

import type { Tensor } from '../graph/tensor'
import { attention, cacheWrite, rmsNorm, rope } from '../ops'
import { site } from '../random/philox'
import { Dropout } from './dropout'
import type { InitialScheme } from './initial'
import { Linear } from './linear'
import { Module } from './module'

export interface AttendOptions {
  /**
   * Number of heads. Head h uses channels h·D to (h + 1)·D − 1, where D = channels / heads.
   * Default: 1.
   */
  heads?: number
  /** Number of key/value heads. Each is shared by heads / kvHeads query heads. Default: `heads`. */
  kvHeads?: number
  /** Probability of dropping an attention weight in training. Default: 0. */
  dropout?: number
}

/**
 * Causal attention inside a model: q [B, T, C], k and v [B, T, C·kvHeads / heads] → [B, T, C]. In
 * generation, the keys and values of earlier positions come from the cache. In training, attention
 * weights are dropped with probability `dropout`.
 *
 * @param module its path names the cache tensors and the random numbers of dropout
 */
export function attend(module: Module, q: Tensor, k: Tensor, v: Tensor, options: AttendOptions = {}): Tensor {
  const { heads = 1, kvHeads, dropout = 0 } = options
  const { path } = module
  const { trace } = q
  const seen = (y: Tensor) =>
    trace?.observer?.attended(path, { q, k, heads, kvHeads: kvHeads ?? heads }, y) ?? y
  if (trace?.cache) {
    const { cache } = trace
    const keys = cacheWrite(cache.tensor(`${path}/key`, k), k, cache.start, cache.slot)
    const values = cacheWrite(cache.tensor(`${path}/value`, v), v, cache.start, cache.slot)
    return seen(attention(q, keys, values, { heads, kvHeads, cache }))
  }
  if (dropout === 0 || !trace?.training) return seen(attention(q, k, v, { heads, kvHeads }))
  return attention(q, k, v, { heads, kvHeads, dropout, site: site(`${path}.dropout`), rng: trace.rng() })
}

/**
 * A diagonal matrix [channels, channels]. The product of a result of `attend` with it is the result
 * without some heads: their channels are 0, and the others keep their bits.
 */
export function diagonalWithout(channels: number, heads: number, off: Iterable<number>): Float32Array {
  const without = new Set(off)
  const diagonal = new Float32Array(channels * channels)
  for (let c = 0; c < channels; c++) {
    if (!without.has(Math.floor((c * heads) / channels))) diagonal[c * channels + c] = 1
  }
  return diagonal
}

export interface SelfAttentionOptions {
  /**
   * Probability of dropping an attention weight in training. Default: `dropout` of the constructor.
   */
  attentionDropout?: number
  /**
   * Number of key/value heads, which must divide the heads. Each is shared by heads / kvHeads query
   * heads. Default: the number of heads.
   */
  kvHeads?: number
  /**
   * Whether to normalize queries and keys, per head, to a root mean square of 1. Default: false.
   */
  qkNorm?: boolean
  /** Channels of a head. 0: channels / heads. Default: 0. */
  headSize?: number
  /** With `positions`: pair i of a head is rotated by position · base^(−2i/D). Default: 10,000. */
  ropeBase?: number
  /** Whether the output projection has a bias. Default: true. */
  bias?: boolean
  /** Whether the query, key and value layers have biases. Default: false. */
  qkvBias?: boolean
  /** Initialization of the layers. Default: as in PyTorch. */
  initial?: InitialScheme
}

/** Multi-head causal self-attention with an output projection [C, heads · head size]. */
export class CausalSelfAttention extends Module {
  readonly query: Linear
  readonly key: Linear
  readonly value: Linear
  readonly projection: Linear
  readonly residualDropout: Dropout
  private readonly dropout: number
  private readonly kvHeads: number
  private readonly qkNorm: boolean
  private readonly ropeBase: number | undefined

  /**
   * @param dropout probability of dropping an element of the result in training, and by default an
   *   attention weight. Default: 0
   */
  constructor(
    channels: number,
    private readonly heads: number,
    dropout = 0,
    options: SelfAttentionOptions = {},
  ) {
    super()
    const { attentionDropout = dropout, kvHeads = heads, qkNorm = false, initial } = options
    const { bias, qkvBias = false, ropeBase } = options
    this.dropout = attentionDropout
    this.kvHeads = kvHeads
    this.qkNorm = qkNorm
    this.ropeBase = ropeBase
    const linear = { bias: qkvBias, initial: initial?.linear }
    const size = options.headSize || channels / heads
    this.query = new Linear(channels, size * heads, linear)
    this.key = new Linear(channels, size * kvHeads, linear)
    this.value = new Linear(channels, size * kvHeads, linear)
    this.projection = new Linear(size * heads, channels, { bias, initial: initial?.residual })
    this.residualDropout = new Dropout(dropout)
  }

  /**
   * x [B, T, C] → [B, T, C]
   *
   * @param positions i32 [T] or [B, T]: rotates queries and keys by their position (`rope`).
   *   Default: no rotation
   */
  forward(x: Tensor, positions?: Tensor): Tensor {
    const { heads, kvHeads, dropout } = this
    const q = this.prepared(this.query.forward(x), heads, positions)
    const k = this.prepared(this.key.forward(x), kvHeads, positions)
    const found = attend(this, q, k, this.value.forward(x), { heads, kvHeads, dropout })
    return this.residualDropout.forward(this.projection.forward(found))
  }

  /** Applies QK norm and RoPE, if enabled, to the queries or keys x [B, T, heads·D]. */
  private prepared(x: Tensor, heads: number, positions: Tensor | undefined): Tensor {
    const normed = this.qkNorm ? rmsNorm(x, { groups: heads }) : x
    return positions ? rope(normed, positions, { heads, base: this.ropeBase }) : normed
  }
}
