// attention: causal multi-head scaled dot-product attention (Vaswani et al., 2017). Only the log of each row's sum of
// exponentials is kept for the gradient, which computes the probabilities again (Dao et al., 2022).

import type { TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { DropoutMask } from '../random/mask'
import { checkDropout } from './dropout'
import { apply, demand, expectFloat, expectSpec, floats, type Op, outOfRange } from './op'

export const attentionOp: Op = {
  name: 'attention',
  integers: ['heads', 'site'],
  shape(inputs, attributes) {
    const [q, k, v] = inputs
    const { B, T, S, C } = checkQueries('attention', q, k, v, attributes)
    const { start, rng } = optional(inputs, attributes)
    if (attributes.cached) {
      expectSpec('attention', 'start', start, 'i32', [])
      demand(T <= S, 'attention', () => `${T} queries do not fit a cache of ${S}`)
    } else
      demand(T === S, 'attention', () => `k has ${S} positions and q ${T}; they differ only with a cache`)
    if (rng) checkDropout('attention', attributes.dropout as number, rng)
    return [
      { dtype: 'f32', shape: [B, T, C] },
      { dtype: 'f32', shape: [B, attributes.heads as number, T] },
    ]
  },
  gradient({ inputs, outputs: [y, lse], gradients: [dy], attributes }) {
    demand(!attributes.cached, 'attention', () => 'attention over a cache has no gradient')
    if (!dy) return []
    const { cached, ...rest } = attributes
    const { rng } = optional(inputs, attributes)
    const [q, k, v] = inputs
    return apply(attentionBackwardOp, [q, k, v, y, lse, dy, ...(rng ? [rng] : [])], rest)
  },
  reference(inputs, [y, lse], attributes) {
    const [q, k, v] = inputs
    const { start, rng } = optional(inputs, attributes)
    const layout = new Layout(q, k, attributes)
    const first = start ? start.data[0] : 0
    if (first < 0 || first + layout.T > layout.S) {
      outOfRange(`attention: position ${first} + ${layout.T} queries leaves the cache of ${layout.S}`)
    }
    const mask = rng && new DropoutMask(attributes.dropout as number, attributes.site as number, rng.data)
    const [qs, ks, vs] = [floats(q), floats(k), floats(v)]
    const weights = new Float64Array(layout.S)
    const sums = new Float64Array(layout.D)
    layout.forEachRow((row) => {
      const visible = first + row.t + 1
      const [max, total] = scores(row, visible, layout, qs, ks, weights)
      sums.fill(0)
      for (let j = 0; j < visible; j++) {
        let weight = weights[j] / total
        if (mask) weight = mask.keeps(row.index * layout.S + j) ? weight * mask.scale : 0
        const key = row.key + j * layout.C
        for (let d = 0; d < layout.D; d++) sums[d] += weight * vs[key + d]
      }
      y.data.set(sums, row.query)
      lse.data[row.index] = max + Math.log(total)
    })
  },
}

export const attentionBackwardOp: Op = {
  name: 'attention_backward',
  integers: ['heads', 'site'],
  shape([q, k, v, y, lse, dy, rng], attributes) {
    const { B, T, S, C } = checkQueries('attention_backward', q, k, v, attributes)
    demand(T === S, 'attention_backward', () => `k has ${S} positions and q ${T}`)
    expectSpec('attention_backward', 'y', y, 'f32', [B, T, C])
    expectSpec('attention_backward', 'lse', lse, 'f32', [B, attributes.heads as number, T])
    expectSpec('attention_backward', 'dy', dy, 'f32', [B, T, C])
    if ((attributes.dropout as number) > 0)
      checkDropout('attention_backward', attributes.dropout as number, rng)
    return [q, k, v].map(({ shape }) => ({ dtype: 'f32', shape }))
  },
  // P = exp(scale·q·kᵀ − lse), A = dropout(P): dv = Aᵀ·dy, dP = dropout(dy·vᵀ), dS = P·(dP − Σ dy·y), dq = scale·dS·k, dk = scale·dSᵀ·q.
  reference([q, k, v, y, lse, dy, rng], [dq, dk, dv], attributes) {
    const layout = new Layout(q, k, attributes)
    const { C, D, S } = layout
    const mask = rng && new DropoutMask(attributes.dropout as number, attributes.site as number, rng.data)
    const [qs, ks, vs, ys, dys] = [floats(q), floats(k), floats(v), floats(y), floats(dy)]
    const sums = [dq, dk, dv].map((tensor) => new Float64Array(tensor.data.length))
    layout.forEachRow((row) => {
      let delta = 0
      for (let d = 0; d < D; d++) delta += dys[row.query + d] * ys[row.query + d]
      for (let j = 0; j <= row.t; j++) {
        const key = row.key + j * C
        let score = 0
        let dweight = 0
        for (let d = 0; d < D; d++) {
          score += qs[row.query + d] * ks[key + d]
          dweight += dys[row.query + d] * vs[key + d]
        }
        const p = Math.exp(layout.scale * score - lse.data[row.index])
        const factor = mask ? (mask.keeps(row.index * S + j) ? mask.scale : 0) : 1
        const dscore = p * (factor * dweight - delta) * layout.scale
        for (let d = 0; d < D; d++) {
          sums[0][row.query + d] += dscore * ks[key + d]
          sums[1][key + d] += dscore * qs[row.query + d]
          sums[2][key + d] += p * factor * dys[row.query + d]
        }
      }
    })
    dq.data.set(sums[0])
    dk.data.set(sums[1])
    dv.data.set(sums[2])
  },
}

/** Fills `weights` with exp(score − max) for the visible keys; returns the max and the sum. */
function scores(
  row: Row,
  visible: number,
  layout: Layout,
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  weights: Float64Array,
): [number, number] {
  let max = -Infinity
  for (let j = 0; j < visible; j++) {
    const key = row.key + j * layout.C
    let score = 0
    for (let d = 0; d < layout.D; d++) score += q[row.query + d] * k[key + d]
    weights[j] = score * layout.scale
    if (!(weights[j] <= max)) max = weights[j]
  }
  let total = 0
  for (let j = 0; j < visible; j++) {
    weights[j] = Math.exp(weights[j] - max)
    total += weights[j]
  }
  return [max, total]
}

interface Row {
  /** The query's position. */
  t: number
  /** (b·H + h)·T + t. */
  index: number
  /** Where the head's channels begin for the query, and for key 0. */
  query: number
  key: number
}

/** Where heads lie in (B, T, C) arrays: head h takes channels h·D to (h + 1)·D − 1. */
class Layout {
  readonly B: number
  readonly T: number
  readonly S: number
  readonly C: number
  readonly D: number
  readonly heads: number
  readonly scale: number

  constructor(q: TensorSpec, k: TensorSpec, attributes: Attributes) {
    ;[this.B, this.T, this.C] = q.shape
    this.S = k.shape[1]
    this.heads = attributes.heads as number
    this.D = this.C / this.heads
    this.scale = attributes.scale as number
  }

  forEachRow(visit: (row: Row) => void): void {
    const row: Row = { t: 0, index: 0, query: 0, key: 0 }
    for (let b = 0; b < this.B; b++) {
      for (let h = 0; h < this.heads; h++) {
        row.key = b * this.S * this.C + h * this.D
        for (row.t = 0; row.t < this.T; row.t++) {
          row.query = (b * this.T + row.t) * this.C + h * this.D
          visit(row)
          row.index++
        }
      }
    }
  }
}

function optional<T>(inputs: readonly T[], attributes: Attributes): { start?: T; rng?: T } {
  const start = attributes.cached ? inputs[3] : undefined
  const rng = (attributes.dropout as number) > 0 ? inputs[attributes.cached ? 4 : 3] : undefined
  return { start, rng }
}

function checkQueries(op: string, q: TensorSpec, k: TensorSpec, v: TensorSpec, attributes: Attributes) {
  expectFloat(op, 'q', q)
  demand(q.shape.length === 3, op, () => `q must be [B, T, C], not [${q.shape}]`)
  const [B, T, C] = q.shape
  const S = k.shape[1]
  expectSpec(op, 'k', k, 'f32', [B, S, C])
  expectSpec(op, 'v', v, 'f32', [B, S, C])
  const heads = attributes.heads as number
  const divides = Number.isInteger(heads) && heads >= 1 && C % heads === 0
  demand(divides, op, () => `${C} channels do not divide into ${heads} heads`)
  const p = attributes.dropout as number
  demand(p >= 0 && p < 1, op, () => `dropout must be at least 0 and less than 1, not ${p}`)
  return { B, T, S, C }
}

export interface AttentionOptions {
  heads: number
  /** Factor on the scores. Default 1 / √(channels of a head). */
  scale?: number
  /** Probability of dropping an attention weight. Default 0. */
  dropout?: number
  site?: number
  rng?: Tensor
  /** Position of the first query in the cache that k and v are; queries see keys up to their own position. */
  start?: Tensor
}

/** q [B, T, C], k [B, S, C], v [B, S, C] → y [B, T, C]. */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const { heads, dropout = 0, site = 0, rng, start } = options
  const scale = options.scale ?? 1 / Math.sqrt(q.shape[2] / heads)
  const inputs = [q, k, v, ...(start ? [start] : []), ...(dropout > 0 ? [rng as Tensor] : [])]
  return apply(attentionOp, inputs, { heads, scale, dropout, site, cached: !!start })[0]
}
