// attention: causal multi-head scaled dot-product attention (Vaswani et al., 2017). Besides its
// result it stores only the log-sum-exp of each row, from which the gradient recomputes the
// probabilities (Dao et al., 2022).

import type { TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { DropoutMask } from '../random/mask'
import { checkSlot } from './cache_write'
import { checkDropout } from './dropout'
import { apply, defineOp, demand, expectFloat, expectSpec, floats, outOfRange } from './op'

export const attentionOp = defineOp({
  name: 'attention',
  integers: ['heads', 'kv_heads', 'site'],
  bf16: ({ cached }) => (cached ? undefined : { operands: [0, 1, 2], outputs: [0], always: true }),
  shape(inputs, attributes) {
    const [q, k, v] = inputs
    const { B, T, S, C } = checkQueries('attention', q, k, v, attributes)
    const { start, slot, rng } = optional(inputs, attributes)
    if (attributes.cached) {
      expectSpec('attention', 'start', start, 'i32', [B])
      expectSpec('attention', 'slot', slot, 'i32', [B])
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
    const { start, slot, rng } = optional(inputs, attributes)
    const layout = new Layout(q, k, attributes, slot?.data)
    start?.data.forEach((first, b) => {
      if (first < 0 || first + layout.T > layout.S)
        outOfRange(`attention: position ${first} + ${layout.T} queries leaves the cache of ${layout.S}`, 3)
      checkSlot('attention', slot!.data[b], k.shape[0], 4)
    })
    const mask = rng && new DropoutMask(attributes.dropout as number, attributes.site as number, rng.data)
    const [qs, ks, vs] = [floats(q), floats(k), floats(v)]
    const weights = new Float64Array(layout.S)
    const sums = new Float64Array(layout.D)
    layout.forEachRow((row) => {
      const visible = (start?.data[row.b] ?? 0) + row.t + 1
      const [max, total] = scores(row, visible, layout, qs, ks, weights)
      sums.fill(0)
      for (let j = 0; j < visible; j++) {
        let weight = weights[j] / total
        if (mask) weight = mask.keeps(row.index * layout.S + j) ? weight * mask.scale : 0
        const key = row.key + j * layout.keyChannels
        for (let d = 0; d < layout.D; d++) sums[d] += weight * vs[key + d]
      }
      y.data.set(sums, row.query)
      lse.data[row.index] = max + Math.log(total)
    })
  },
})

export const attentionBackwardOp = defineOp({
  name: 'attention_backward',
  integers: ['heads', 'kv_heads', 'site'],
  bf16: { operands: [0, 1, 2, 3, 5], outputs: [0, 1, 2], always: true },
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
  // With P = exp(scale·q·kᵀ − lse) and A = dropout(P):
  //
  //   dv = Aᵀ·dy, dP = dropout(dy·vᵀ), dS = P·(dP − Σ dy·y), dq = scale·dS·k, dk = scale·dSᵀ·q.
  reference([q, k, v, y, lse, dy, rng], [dq, dk, dv], attributes) {
    const layout = new Layout(q, k, attributes)
    const { D, S, keyChannels } = layout
    const mask = rng && new DropoutMask(attributes.dropout as number, attributes.site as number, rng.data)
    const [qs, ks, vs, ys, dys] = [floats(q), floats(k), floats(v), floats(y), floats(dy)]
    const sums = [dq, dk, dv].map((tensor) => new Float64Array(tensor.data.length))
    layout.forEachRow((row) => {
      let delta = 0
      for (let d = 0; d < D; d++) delta += dys[row.query + d] * ys[row.query + d]
      for (let j = 0; j <= row.t; j++) {
        const key = row.key + j * keyChannels
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
})

/** Fills `weights` with exp(score − max) of the visible keys. Returns the maximum and the sum. */
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
    const key = row.key + j * layout.keyChannels
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
  /** The index of the sequence. */
  b: number
  /** The position of the query. */
  t: number
  /** (b·H + h)·T + t. */
  index: number
  /** The offset of the head's channels for the query, and for key 0. */
  query: number
  key: number
}

/**
 * The layout of heads in [B, T, C] arrays. Head h uses channels h·D to (h + 1)·D − 1 and reads
 * key/value head ⌊h·G/H⌋, where G is the number of key/value heads.
 */
class Layout {
  readonly B: number
  readonly T: number
  readonly S: number
  readonly C: number
  readonly D: number
  readonly heads: number
  /** Channels of the keys and values, and number of query heads per key/value head. */
  readonly keyChannels: number
  readonly group: number
  readonly scale: number

  /** @param slot the sequence of k and v that each sequence of q reads. Default: the same */
  constructor(
    q: TensorSpec,
    k: TensorSpec,
    attributes: Attributes,
    private readonly slot?: ArrayLike<number>,
  ) {
    ;[this.B, this.T, this.C] = q.shape
    ;[, this.S, this.keyChannels] = k.shape
    this.heads = attributes.heads as number
    this.group = this.heads / (attributes.kv_heads as number)
    this.D = this.C / this.heads
    this.scale = attributes.scale as number
  }

  forEachRow(visit: (row: Row) => void): void {
    const row: Row = { b: 0, t: 0, index: 0, query: 0, key: 0 }
    for (row.b = 0; row.b < this.B; row.b++) {
      const sequence = this.slot?.[row.b] ?? row.b
      for (let h = 0; h < this.heads; h++) {
        row.key = sequence * this.S * this.keyChannels + Math.floor(h / this.group) * this.D
        for (row.t = 0; row.t < this.T; row.t++) {
          row.query = (row.b * this.T + row.t) * this.C + h * this.D
          visit(row)
          row.index++
        }
      }
    }
  }
}

function optional<T>(inputs: readonly T[], attributes: Attributes): { start?: T; slot?: T; rng?: T } {
  const [start, slot] = attributes.cached ? inputs.slice(3, 5) : []
  const rng = (attributes.dropout as number) > 0 ? inputs[attributes.cached ? 5 : 3] : undefined
  return { start, slot, rng }
}

function checkQueries(op: string, q: TensorSpec, k: TensorSpec, v: TensorSpec, attributes: Attributes) {
  expectFloat(op, 'q', q)
  demand(q.shape.length === 3, op, () => `q must be [B, T, C], not [${q.shape}]`)
  const [B, T, C] = q.shape
  const { heads, kv_heads: kvHeads, dropout: p } = attributes as Record<string, number>
  const divides = Number.isInteger(heads) && heads >= 1 && C % heads === 0
  demand(divides, op, () => `${C} channels do not divide into ${heads} heads`)
  const shared = Number.isInteger(kvHeads) && kvHeads >= 1 && heads % kvHeads === 0
  demand(shared, op, () => `${heads} heads cannot share ${kvHeads} heads of keys and values evenly`)
  demand(k.shape.length === 3, op, () => `k must be [B, S, channels], not [${k.shape}]`)
  const S = k.shape[1]
  // A cache has its own number of slots. Each sequence uses one of them.
  const keys = [attributes.cached ? k.shape[0] : B, S, (C / heads) * kvHeads]
  expectSpec(op, 'k', k, 'f32', keys)
  expectSpec(op, 'v', v, 'f32', keys)
  demand(p >= 0 && p < 1, op, () => `dropout must be at least 0 and less than 1, not ${p}`)
  return { B, T, S, C }
}

export interface AttentionOptions {
  heads: number
  /**
   * Number of key/value heads. Each is shared by heads / kvHeads query heads (Ainslie et al.,
   * 2023). Default: `heads`.
   */
  kvHeads?: number
  /** Factor on the scores. Default: 1 / √(head size). */
  scale?: number
  /** Probability of dropping an attention weight. Default: 0. */
  dropout?: number
  site?: number
  rng?: Tensor
  /**
   * If k and v are a cache [R, S, ·]: the slot of each sequence, and the position of its first
   * query.
   */
  cache?: { readonly start: Tensor; readonly slot: Tensor }
}

/** q [B, T, H·D], k and v [B, S, G·D] with G = kvHeads → y [B, T, H·D]. S = T without a cache. */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const { heads, kvHeads = heads, dropout = 0, site = 0, rng, cache } = options
  const scale = options.scale ?? 1 / Math.sqrt(q.shape[2] / heads)
  const inputs = [
    q,
    k,
    v,
    ...(cache ? [cache.start, cache.slot] : []),
    ...(dropout > 0 ? [rng as Tensor] : []),
  ]
  return apply(attentionOp, inputs, { heads, kv_heads: kvHeads, scale, dropout, site, cached: !!cache })[0]
}
