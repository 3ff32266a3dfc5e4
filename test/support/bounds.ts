// How far an f32 kernel may be from the float64 reference, for each element of each output of each op.
//
// The general bound is 16·ε·√K·Σ|a||b| for a sum of K products. Where an op is not such a sum its bound is derived beside
// it, first order in ε, with the same factor of 16 in reserve. Ops that only move, compare or choose have a bound of 0.

import {
  allocate,
  type Dtype,
  lastOf,
  rowsOf,
  type Shape,
  sizeOf,
  type TypedArray,
} from '../../lib/graph/dtype'
import type { Attributes } from '../../lib/graph/program'
import { Tensor } from '../../lib/graph/tensor'
import { opsByName } from '../../lib/ops'
import { DropoutMask } from '../../lib/random/mask'
import { epsilon, tiny } from './numeric'

// Jest looks up globals slowly: these are asked for millions of times.
const { abs, exp, floor, max, sqrt } = Math

export interface Operand {
  readonly dtype: Dtype
  readonly shape: Shape
  readonly values: ArrayLike<number>
}

/** One op's inputs before it runs and its outputs after, as the reference has them. */
export interface Call {
  readonly inputs: readonly Operand[]
  readonly outputs: readonly Operand[]
  readonly attributes: Attributes
}

type Bounds = ArrayLike<number>
type BoundsRule = (call: Call) => Bounds[]

/** The bounds of every output of `op`. An op without a rule here is elementwise, of one or two roundings. */
export function boundsOf(op: string, call: Call): Bounds[] {
  const bounds = (rules[op] ?? fewRoundings)(call)
  return bounds.map((each, output) => {
    const { dtype, values } = call.outputs[output]
    // Where the two lie on different sides of a tie, bf16's last place.
    const place = dtype === 'bf16' ? 2 ** -7 : 0
    return Float64Array.from(each, (bound, i) => (bound === 0 ? 0 : bound + tiny + place * abs(values[i])))
  })
}

const exact: BoundsRule = ({ outputs }) => outputs.map(({ shape }) => new Float64Array(sizeOf(shape)))

const fewRoundings: BoundsRule = ({ outputs }) =>
  outputs.map(({ values }) => map(values, (y) => 4 * epsilon * abs(y)))

/** One rounding of the result, and as much again. */
const rounded: BoundsRule = ({ outputs }) =>
  outputs.map(({ values }) => map(values, (y) => 2 * epsilon * abs(y)))

const rules: Record<string, BoundsRule> = {
  fill: exact,
  copy: exact,
  cast: exact,
  gather_batch: exact,
  positions: exact,
  embedding: exact,
  relu: exact,
  relu_backward: exact,
  zero: exact,
  require_finite: exact,
  cache_write: exact,
  select_row: exact,
  sample: sampled,
  count_tokens: exact,
  repetition_penalty: rounded,
  add: rounded,
  accumulate: rounded,
  dropout: rounded,
  clip_scale: rounded,
  // One division.
  tril_mean: rounded,
  // The sum is made in double.
  global_norm: rounded,
  // dropout(x) is rounded, then the sum is.
  dropout_add: ({ inputs: [, , residual], outputs: [y] }) => [
    map(y.values, (value, i) => 2 * epsilon * (abs(value) + abs(value - residual.values[i]))),
  ],
  matmul: (call) => [product(call, [call.inputs[0], call.inputs[1]], 0)],
  batched_matmul: (call) => {
    const { inputs, attributes } = call
    const K = inputs[0].shape.at(attributes.transpose_a ? -2 : -1)!
    return [map(magnitudes('batched_matmul', call), (sum) => 16 * epsilon * sqrt(K) * sum)]
  },
  matmul_accumulate: (call) => [product(call, [call.inputs[1], call.inputs[2]], 1, call.inputs[0])],
  linear: (call) => [
    product({ ...call, attributes: { transpose_b: true } }, [...call.inputs], 1, call.inputs[2]),
  ],
  sum_leading: (call) => {
    const terms = sizeOf(call.inputs[0].shape) / sizeOf(call.outputs[0].shape)
    return [map(magnitudes('sum_leading', call), (sum) => 16 * epsilon * sqrt(terms) * sum)]
  },
  embedding_backward: (call) => {
    const terms = sizeOf(call.inputs[0].shape)
    return [map(magnitudes('embedding_backward', call), (sum) => 16 * epsilon * sqrt(terms) * sum)]
  },
  gelu,
  gelu_backward: geluBackward,
  swiglu,
  swiglu_backward: swigluBackward,
  // tanh in a few roundings, as its argument has one. What is denormal before it is multiplied by cap is so after it.
  soft_cap: ({ outputs: [y], attributes }) => [
    map(y.values, (value) => 16 * epsilon * abs(value) + tiny * (attributes.cap as number)),
  ],
  // 1 − (y/cap)² may cancel: it is off by roundings of 1.
  soft_cap_backward: ({ inputs: [, dy] }) => [map(dy.values, (d) => 8 * epsilon * abs(d))],
  rms_norm: rmsNorm,
  rms_norm_backward: rmsNormBackward,
  rope,
  layer_norm: layerNorm,
  layer_norm_backward: layerNormBackward,
  masked_softmax: maskedSoftmax,
  masked_softmax_backward: maskedSoftmaxBackward,
  attention,
  attention_backward: attentionBackward,
  cross_entropy: crossEntropy,
  cross_entropy_backward: crossEntropyBackward,
  adamw,
  sgd,
  muon,
  // The difference may cancel, but not what it is added to.
  ema: ({ inputs, outputs }) => {
    const rest = abs(1 - inputs[0].values[0])
    return outputs.map(({ values }, t) => {
      const [a, p] = [inputs[1 + t].values, inputs[1 + outputs.length + t].values]
      return map(values, (y, i) => epsilon * (2 * abs(y) + 4 * rest * abs(p[i] - a[i])))
    })
  },
}

function map(values: ArrayLike<number>, f: (value: number, index: number) => number): Float64Array {
  return Float64Array.from(values, f)
}

function absolute({ dtype, shape, values }: Operand): Tensor {
  const floats = dtype === 'f32' || dtype === 'bf16'
  const data: TypedArray = floats ? map(values, abs) : allocate(dtype, values.length)
  if (!floats) data.set(values)
  return new Tensor(floats ? 'f64' : dtype, shape, data)
}

/** The op's reference on the absolute values of its inputs: Σ|a||b| where it is a sum of products. */
function magnitudes(op: string, { inputs, outputs, attributes }: Call, operands = inputs): ArrayLike<number> {
  const result = new Tensor('f64', outputs[0].shape, new Float64Array(sizeOf(outputs[0].shape)))
  opsByName.get(op)!.reference(operands.map(absolute), [result], attributes)
  return result.data
}

/** 16·ε·√K·Σ|a||b|; `addend` (a bias, repeated, or the total so far) counts as one more product. */
function product(call: Call, [a, b]: Operand[], more: number, addend?: Operand): Bounds {
  const K = call.attributes.transpose_a ? rowsOf(a.shape) : lastOf(a.shape)
  const sums = magnitudes('matmul', call, [a, b])
  const extra = (i: number) => (addend ? abs(addend.values[i % addend.values.length]) : 0)
  return map(sums, (sum, i) => 16 * epsilon * sqrt(K + more) * (sum + extra(i)))
}

/**
 * The mean is a sum of C terms over C. The differences from it are off by ε·max|x|, relatively to the deviation by ε·r with
 * r = 1 + max|x|·rstd; so is rstd, and z = (x − mean)·rstd absolutely.
 */
function layerNorm({ inputs: [x, gain, bias], outputs: [y, mean, rstd] }: Call): Bounds[] {
  const C = lastOf(x.shape)
  const largest = new Float64Array(mean.values.length)
  const sums = new Float64Array(mean.values.length)
  for (let i = 0; i < x.values.length; i++) {
    const row = floor(i / C)
    largest[row] = max(largest[row], abs(x.values[i]))
    sums[row] += abs(x.values[i])
  }
  const ratio = (row: number) => 1 + largest[row] * rstd.values[row]
  const ys = map(y.values, (_, i) => {
    const row = floor(i / C)
    const z = (x.values[i] - mean.values[row]) * rstd.values[row]
    const ofGain = abs(gain.values[i % C]) * (1 + abs(z)) * ratio(row)
    return 16 * epsilon * (ofGain + abs(bias.values[i % C]))
  })
  return [
    ys,
    map(sums, (sum) => (16 * epsilon * sqrt(C) * sum) / C),
    map(rstd.values, (value, row) => 16 * epsilon * value * ratio(row)),
  ]
}

/**
 * Sums of products of dy, gain and z, whose own error is ε·ζ with ζ = (|x| + |mean|)·rstd:
 * dx = rstd·(h − avg(h) − z·avg(h·z)), dgain = Σ dy·z, dbias = Σ dy.
 */
function layerNormBackward({ inputs: [x, gain, mean, rstd, dy] }: Call): Bounds[] {
  const C = lastOf(x.shape)
  const rows = x.values.length / C
  const dx = new Float64Array(x.values.length)
  const dgain = new Float64Array(C)
  const dbias = new Float64Array(C)
  const zeta = (i: number, row: number) => (abs(x.values[i]) + abs(mean.values[row])) * rstd.values[row]
  for (let row = 0; row < rows; row++) {
    let [sum, products] = [0, 0]
    for (let c = 0, i = row * C; c < C; c++, i++) {
      const h = abs(dy.values[i] * gain.values[c])
      sum += h / C
      products += (h * zeta(i, row)) / C
      dgain[c] += abs(dy.values[i]) * zeta(i, row)
      dbias[c] += abs(dy.values[i])
    }
    for (let c = 0, i = row * C; c < C; c++, i++) {
      const h = abs(dy.values[i] * gain.values[c])
      dx[i] = 16 * epsilon * rstd.values[row] * (h + sqrt(C) * (sum + zeta(i, row) * products))
    }
  }
  const scaled = (sums: Float64Array) => map(sums, (sum) => 16 * epsilon * sqrt(rows) * sum)
  return [dx, scaled(dgain), scaled(dbias)]
}

/** The mean square is a sum of n terms. */
function rmsNorm({ inputs: [x], outputs: [y, rstd] }: Call): Bounds[] {
  const relative = 16 * epsilon * sqrt(x.values.length / rstd.values.length)
  return [map(y.values, (value) => relative * abs(value)), map(rstd.values, (value) => relative * value)]
}

/** As layer_norm_backward with a mean of 0: dx = rstd·(h − z·avg(h·z)), dgain = Σ dy·z over all groups. */
function rmsNormBackward({ inputs: [x, rstd, dy, gain] }: Call): Bounds[] {
  const rows = rstd.values.length
  const n = x.values.length / rows
  const dx = new Float64Array(x.values.length)
  const dgain = new Float64Array(n)
  for (let row = 0; row < rows; row++) {
    const scale = rstd.values[row]
    const h = (c: number) => abs(dy.values[row * n + c] * (gain ? gain.values[c] : 1))
    let products = 0
    for (let c = 0, i = row * n; c < n; c++, i++) {
      const z = abs(x.values[i]) * scale
      products += (h(c) * z) / n
      dgain[c] += abs(dy.values[i]) * z
    }
    for (let c = 0, i = row * n; c < n; c++, i++) {
      dx[i] = 16 * epsilon * scale * (h(c) + sqrt(n) * abs(x.values[i]) * scale * products)
    }
  }
  return gain ? [dx, map(dgain, (sum) => 16 * epsilon * sqrt(rows) * sum)] : [dx]
}

/**
 * Sine and cosine, two products and their sum are rounded. An angle is a double of up to 2²⁴: it is off by less than ε, and the
 * sine with it.
 */
function rope({ inputs: [x], outputs: [y], attributes }: Call): Bounds[] {
  const pairs = lastOf(x.shape) / (attributes.heads as number) / 2
  return [
    map(y.values, (_, i) => {
      const other = i % (2 * pairs) < pairs ? i + pairs : i - pairs
      return 4 * epsilon * (abs(x.values[i]) + abs(x.values[other]))
    }),
  ]
}

/**
 * The parts of gelu's slope, Φ and |x·Φ′|, and what each may be off by, relatively: the argument of an exponential is rounded, so
 * that it is off by the argument's size. Where x > 0, Φ is 1 less an exponential and a rounding of 1.
 */
function geluParts(x: number, { tanh }: Attributes): { share: number; slope: number; off: number[] } {
  const one = (op: string, inputs: number[]) => {
    const [y, ...given] = [0, ...inputs].map((value) => new Tensor('f64', [1], Float64Array.of(value)))
    opsByName.get(op)!.reference(given, [y], { tanh })
    return y.data[0]
  }
  const share = x === 0 ? 0.5 : one('gelu', [x]) / x
  const slope = abs(one('gelu_backward', [x, 1]) - share)
  const argument = tanh ? 1.6 * abs(x + 0.044715 * x ** 3) : x ** 2 / 2
  return { share, slope, off: [16 * epsilon * (1 + (x > 0 ? 0 : argument)), 16 * epsilon * (1 + argument)] }
}

/** The smallest normal f32: kernels may take an exponential below it for 0. */
const smallestNormal = 2 ** -126

function gelu({ inputs: [x], attributes }: Call): Bounds[] {
  const bounds = map(x.values, (value) => {
    const { share, off } = geluParts(value, attributes)
    return abs(value) * (off[0] * share + smallestNormal)
  })
  return [bounds]
}

function geluBackward({ inputs: [x, dy], attributes }: Call): Bounds[] {
  const bounds = map(x.values, (value, i) => {
    const { share, slope, off } = geluParts(value, attributes)
    // Of what an exponential is multiplied by, x and the argument's slope of up to 1.6 + 0.22·x² are the largest.
    const lost = smallestNormal * (1 + abs(value) * (2 + value ** 2))
    return abs(dy.values[i]) * (off[0] * share + off[1] * slope + lost)
  })
  return [bounds]
}

/** σ, relatively: where x < 0 it is an exponential, off by the size of its argument. */
const logisticOff = (x: number) => 16 * epsilon * (1 + max(0, -x))
const logistic = (x: number) => 1 / (1 + exp(-x))

function swiglu({ inputs: [gate, up], outputs: [y] }: Call): Bounds[] {
  const bounds = map(y.values, (value, i) => {
    const x = gate.values[i]
    return logisticOff(x) * abs(value) + smallestNormal * abs(x * up.values[i])
  })
  return [bounds]
}

/** dgate = dy·up·σ·(1 + x·σ(−x)), where the sum may cancel; dup = dy·x·σ. */
function swigluBackward({ inputs: [gate, up, dy], outputs: [, dup] }: Call): Bounds[] {
  const dgate = map(gate.values, (x, i) => {
    const rest = abs(x) * logistic(-x)
    const off = logisticOff(x) * (1 + rest) + logisticOff(-x) * rest
    const [ofUp, ofDy] = [abs(up.values[i]), abs(dy.values[i])]
    return ofUp * ofDy * logistic(x) * off + smallestNormal * ofUp * ofDy * (1 + abs(x))
  })
  const ofUp = map(dup.values, (value, i) => {
    const x = gate.values[i]
    return logisticOff(x) * abs(value) + smallestNormal * abs(x * dy.values[i])
  })
  return [dgate, ofUp]
}

/** Calls `visit` for each row of […, T, S], with where it begins and where what it sees ends. */
function forEachCausalRow({ shape, values }: Operand, visit: (start: number, visible: number) => void): void {
  const [T, S] = shape.slice(-2)
  for (let row = 0; row < values.length / S; row++) visit(row * S, row * S + (row % T) + 1 + S - T)
}

/**
 * The argument of exp, scale·(x − max), is off by its own size: two roundings of it and one of scale. So is exp, relatively; the
 * row's sum is by the mean of these under the softmax, and has √n.
 */
function maskedSoftmax({ inputs: [x], outputs: [y], attributes }: Call): Bounds[] {
  const bounds = new Float64Array(y.values.length)
  forEachCausalRow(x, (start, visible) => {
    let top = -Infinity
    for (let i = start; i < visible; i++) top = max(top, x.values[i])
    // A weight of 0, as −Infinity has, leaves nothing to be uncertain of.
    const weighed = (i: number) =>
      y.values[i] === 0 ? 0 : y.values[i] * (attributes.scale as number) * (top - x.values[i])
    let mean = 0
    for (let i = start; i < visible; i++) mean += weighed(i)
    const ofSum = mean + sqrt(visible - start)
    for (let i = start; i < visible; i++) bounds[i] = 16 * epsilon * (weighed(i) + y.values[i] * ofSum)
  })
  return [bounds]
}

/** scale·y·(dy − Σ y·dy), whose sum has √n. */
function maskedSoftmaxBackward({ inputs: [y, dy], attributes }: Call): Bounds[] {
  const bounds = new Float64Array(y.values.length)
  forEachCausalRow(y, (start, visible) => {
    let sum = 0
    for (let i = start; i < visible; i++) sum += abs(y.values[i] * dy.values[i])
    const ofSum = sqrt(visible - start) * sum
    for (let i = start; i < visible; i++) {
      bounds[i] = 16 * epsilon * (attributes.scale as number) * abs(y.values[i]) * (abs(dy.values[i]) + ofSum)
    }
  })
  return [bounds]
}

interface AttentionRow {
  /** Offsets of the query, and of key 0, for this head. */
  query: number
  key: number
  index: number
  visible: number
  /** What a probability of this row may be off by, relatively, in units of ε. */
  uncertainty: number
  probabilities: Float64Array
}

/**
 * Visits each row with its probabilities. A score is a sum of D products, off by √D·S with S = scale·Σ|q||k|, the largest of
 * the row; so is the argument of exp, next to roundings of the score and of lse; and the row's sum has √n.
 */
function forEachRow({ inputs, attributes }: Call, lse: Operand, visit: (row: AttentionRow) => void): void {
  const [B, T, C] = inputs[0].shape
  const [, S, channels] = inputs[1].shape
  const [q, k] = inputs.map(({ values }) => Float64Array.from(values))
  const { heads, kv_heads, scale } = attributes as Record<string, number>
  const D = C / heads
  const [starts, slots] = attributes.cached ? inputs.slice(3, 5).map(({ values }) => values) : []
  for (let index = 0; index < B * heads * T; index++) {
    const [b, h, t] = [floor(index / (heads * T)), floor(index / T) % heads, index % T]
    const head = floor((h * kv_heads) / heads)
    const key = (slots ? slots[b] : b) * S * channels + head * D
    const row = { query: (b * T + t) * C + h * D, key, index, visible: (starts ? starts[b] : 0) + t + 1 }
    const probabilities = new Float64Array(row.visible)
    let largest = 0
    for (let j = 0; j < row.visible; j++) {
      let [score, size] = [0, 0]
      for (let d = 0; d < D; d++) {
        const term = q[row.query + d] * k[row.key + j * channels + d]
        score += term
        size += abs(term)
      }
      probabilities[j] = exp(scale * score - lse.values[index])
      // A score of −Infinity leaves nothing to be uncertain of.
      if (probabilities[j] > 0) largest = max(largest, abs(scale) * size)
    }
    const uncertainty = sqrt(row.visible) + sqrt(D) * largest + abs(lse.values[index])
    visit({ ...row, uncertainty, probabilities })
  }
}

function maskOf({ inputs, attributes }: Call, at: number): DropoutMask | undefined {
  const p = attributes.dropout as number
  return p > 0 ? new DropoutMask(p, attributes.site as number, inputs[at].values) : undefined
}

/** Weights, or the gradients of scores, are rounded to bf16 before they are multiplied, where `result` is one: by 2⁻⁸ of themselves. */
function weightRounding({ dtype }: Operand): number {
  return dtype === 'bf16' ? 2 ** -8 : 0
}

/** y = Σ p·v, with p as uncertain as `forEachRow` says; lse as uncertain as a score and the logarithm of the sum. */
function attention(call: Call): Bounds[] {
  const { inputs, outputs, attributes } = call
  const v = Float64Array.from(inputs[2].values)
  const [, S, C] = inputs[1].shape
  const D = C / (attributes.kv_heads as number)
  const mask = maskOf(call, attributes.cached ? 5 : 3)
  const y = new Float64Array(outputs[0].values.length)
  const lse = new Float64Array(outputs[1].values.length)
  forEachRow(call, outputs[1], ({ query, key, index, visible, uncertainty, probabilities }) => {
    for (let j = 0; j < visible; j++) {
      const kept = mask && !mask.keeps(index * S + j) ? 0 : (mask?.scale ?? 1)
      for (let d = 0; d < D; d++) y[query + d] += probabilities[j] * kept * abs(v[key + j * C + d])
    }
    for (let d = 0; d < D; d++) y[query + d] *= 16 * epsilon * uncertainty + weightRounding(outputs[0])
    lse[index] = 16 * epsilon * uncertainty
  })
  return [y, lse]
}

/**
 * dv = Σ p·f·dy; the gradient of a score is p·(f·Σ dy·v − Σ dy·y), whose sums have √D. dq and dk are its products with k and q.
 * Each p is as uncertain as `forEachRow` says.
 */
function attentionBackward(call: Call): Bounds[] {
  const { inputs, outputs, attributes } = call
  const rounding = weightRounding(outputs[0])
  const [, S, C] = inputs[1].shape
  const [q, k, v, y, , dy] = inputs.map(({ values }) => Float64Array.from(values))
  const D = C / (attributes.kv_heads as number)
  const scale = abs(attributes.scale as number)
  const mask = maskOf(call, 6)
  const [dq, dk, dv] = [q, k, v].map(({ length }) => new Float64Array(length))
  forEachRow(call, inputs[4], ({ query, key, index, visible, uncertainty, probabilities }) => {
    let [delta, deltaSize] = [0, 0]
    for (let d = 0; d < D; d++) {
      delta += dy[query + d] * y[query + d]
      deltaSize += abs(dy[query + d] * y[query + d])
    }
    for (let j = 0; j < visible; j++) {
      const kept = mask && !mask.keeps(index * S + j) ? 0 : (mask?.scale ?? 1)
      const at = key + j * C
      let [slope, slopeSize] = [0, 0]
      for (let d = 0; d < D; d++) {
        slope += dy[query + d] * v[at + d]
        slopeSize += abs(dy[query + d] * v[at + d])
      }
      const relative = 16 * epsilon * (uncertainty + sqrt(D))
      const off = relative * (kept * slopeSize + deltaSize) + rounding * abs(kept * slope - delta)
      const score = off * probabilities[j] * scale
      for (let d = 0; d < D; d++) {
        dq[query + d] += score * abs(k[at + d])
        dk[at + d] += score * abs(q[query + d])
        dv[at + d] += (relative + rounding) * probabilities[j] * kept * abs(dy[query + d])
      }
    }
  })
  return [dq, dk, dv]
}

/** Tokens are exact. The logarithm of a probability is summed in double, from f32 logits, and rounded once. */
function sampled({ outputs: [tokens, logProbabilities] }: Call): Bounds[] {
  return [
    new Float64Array(tokens.values.length),
    map(logProbabilities.values, (y) => epsilon * abs(y) + 1e-12),
  ]
}

/** exp(x − max) is off by |x − max| relatively, so log Σ exp is by the mean of these under the softmax, next to roundings. */
function crossEntropy({ inputs: [logits, targets], outputs: [loss, lse] }: Call): Bounds[] {
  const V = lastOf(logits.shape)
  const rows = lse.values.length
  let ofLosses = 0
  const ofRows = map(lse.values, (value, row) => {
    const x = Array.from({ length: V }, (_, i) => logits.values[row * V + i])
    const top = x.reduce((a, b) => max(a, b), -Infinity)
    const spread = x.reduce((sum, xi) => sum + (xi === -Infinity ? 0 : exp(xi - value) * abs(xi - top)), 0)
    const ofSum = 16 * epsilon * (1 + spread)
    ofLosses += ofSum + 2 * epsilon * (abs(value) + abs(x[targets.values[row]]))
    return ofSum + 2 * epsilon * abs(value)
  })
  return [[ofLosses / rows + 2 * epsilon * abs(loss.values[0])], ofRows]
}

/** exp(x − lse) is off by 1 + |x − lse| relatively; subtracting 1 from the target's leaves its absolute error. */
function crossEntropyBackward({ inputs: [logits, targets, lse, dloss] }: Call): Bounds[] {
  const V = lastOf(logits.shape)
  const scale = abs(dloss.values[0]) / lse.values.length
  const bounds = map(logits.values, (x, i) => {
    const distance = x - lse.values[floor(i / V)]
    const p = x === -Infinity ? 0 : exp(distance) * (1 + abs(distance))
    return 16 * epsilon * scale * (p + (targets.values[floor(i / V)] === i % V ? 1 : 0))
  })
  return [bounds]
}

/** A few roundings each; m may cancel, and its absolute error goes on into the update. */
function adamw({ inputs, outputs, attributes }: Call): Bounds[] {
  const { beta1, beta2, epsilon: smallest, weight_decay } = attributes as Record<string, number>
  const [step, rate, scale] = inputs.slice(0, 3).map(({ values }) => values[0])
  const n = outputs.length / 3
  const parameters: Bounds[] = []
  const ms: Bounds[] = []
  const vs: Bounds[] = []
  for (let t = 0; t < n; t++) {
    const [p, g, m] = [0, 1, 2].map((k) => inputs[3 + t + k * n].values)
    const [newM, newV] = [outputs[n + t].values, outputs[2 * n + t].values]
    const ofM = map(m, (old, i) => 8 * epsilon * (abs(old) + (1 - beta1) * (abs(g[i] * scale) + abs(old))))
    ms.push(ofM)
    vs.push(map(newV, (v) => 8 * epsilon * v))
    parameters.push(
      map(p, (old, i) => {
        const factor = rate / (1 - beta1 ** step) / (sqrt(newV[i] / (1 - beta2 ** step)) + smallest)
        const kept = abs(old) * (1 + rate * weight_decay)
        return 4 * epsilon * kept + factor * (ofM[i] + 16 * epsilon * abs(newM[i]))
      }),
    )
  }
  return [...parameters, ...ms, ...vs]
}

/** The gradient is a sum of two, m of three, the update of these; each may cancel, and its absolute error goes on. */
function sgd({ inputs, outputs, attributes }: Call): Bounds[] {
  const { momentum, weight_decay } = attributes as Record<string, number>
  const [rate, scale] = inputs.slice(0, 2).map(({ values }) => values[0])
  const n = outputs.length / 2
  const parameters: Bounds[] = []
  const ms: Bounds[] = []
  for (let t = 0; t < n; t++) {
    const [p, g, m] = [0, 1, 2].map((k) => inputs[2 + t + k * n].values)
    const ofM = map(p, (old, i) => {
      return 4 * epsilon * (momentum * abs(m[i]) + abs(g[i] * scale) + weight_decay * abs(old))
    })
    ms.push(ofM)
    parameters.push(map(p, (old, i) => 2 * epsilon * abs(old) + 4 * abs(rate) * ofM[i]))
  }
  return [...parameters, ...ms]
}

/**
 * An iteration takes X, whose singular values are 1.21 at most, through products of K = `side` (X·Xᵀ: `longer`) terms. What they are
 * off by, relatively to X's largest singular value of 1, spreads over all elements alike: ε·√K times their root mean square, as
 * a sum of random roundings does. What an iteration is given, it passes on multiplied by at most 3.4445, its slope at 0 (the
 * slopes between there and 1.2, and the ratios that turn singular vectors, are smaller, or are reached by way of the flat top at 0.55).
 * So n iterations leave Σ 3.4445^i, i < n: 198 for five, of which a matrix that has singular values of 0 sees most. The factor is 4,
 * a quarter of the other sums': what is found is a third of the bound after one iteration, and a tenth after five.
 */
function muon({ inputs, outputs, attributes }: Call): Bounds[] {
  const { iterations, weight_decay } = attributes as Record<string, number>
  const [rate, momentum, scale] = inputs.slice(0, 3).map(({ values }) => values[0])
  const n = outputs.length / 2
  const parameters: Bounds[] = []
  const ms: Bounds[] = []
  const passedOn = (3.4445 ** iterations - 1) / 2.4445
  for (let t = 0; t < n; t++) {
    const [p, g, m] = [0, 1, 2].map((k) => inputs[3 + t + k * n].values)
    const [rows, columns] = inputs[3 + t].shape
    ms.push(map(m, (old, i) => 4 * epsilon * (momentum * abs(old) + abs(g[i] * scale))))
    const longer = max(rows, columns)
    // Singular values of at most 1.21 in `side` directions, over rows · columns elements.
    const size = 1.21 / sqrt(longer)
    const ofDirection = 4 * epsilon * sqrt(longer) * passedOn * size
    const step = abs(rate) * sqrt(max(1, rows / columns))
    parameters.push(
      map(p, (old) => 4 * epsilon * abs(old) * (1 + abs(rate) * weight_decay) + step * ofDirection),
    )
  }
  return [...parameters, ...ms]
}
