// The allowed error of an f32 kernel against the float64 reference, for each element of each output
// of each op.
//
// The general bound is 16·ε·√K·Σ|a||b| for a sum of K products. For an op that is not such a sum,
// the bound is derived next to it, to first order in ε, with the same safety factor of 16. Ops that
// only move, compare or select have a bound of 0.

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

// Jest looks up globals slowly, and these are used millions of times.
const { abs, exp, floor, max, sqrt } = Math

export interface Operand {
  readonly dtype: Dtype
  readonly shape: Shape
  readonly values: ArrayLike<number>
}

/** One op's inputs before it runs and its outputs afterwards, in the reference. */
export interface Call {
  readonly inputs: readonly Operand[]
  readonly outputs: readonly Operand[]
  readonly attributes: Attributes
}

type Bounds = ArrayLike<number>
type BoundsRule = (call: Call) => Bounds[]

/**
 * The bounds of every output of `op`. An op without a rule here is elementwise, with one or two
 * roundings.
 */
export function boundsOf(op: string, call: Call): Bounds[] {
  const bounds = (rules[op] ?? fewRoundings)(call)
  return bounds.map((each, output) => {
    const { dtype, values } = call.outputs[output]
    // If the two are on different sides of a tie, they differ by bf16's last place.
    const place = dtype === 'bf16' ? 2 ** -7 : 0
    return map(each, (bound, i) => (bound === 0 ? 0 : bound + tiny + place * abs(values[i])))
  })
}

const exact: BoundsRule = ({ outputs }) => outputs.map(({ shape }) => new Float64Array(sizeOf(shape)))

const fewRoundings: BoundsRule = ({ outputs }) =>
  outputs.map(({ values }) => map(values, (y) => 4 * epsilon * abs(y)))

/** Twice the rounding error of the result. */
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
  slice_positions: exact,
  concat_positions: exact,
  sample: sampled,
  count_tokens: exact,
  repetition_penalty: rounded,
  // The difference may cancel, but then its error is small.
  lerp: ({ inputs: [a, b], outputs: [y], attributes }) => [
    map(
      y.values,
      (value, i) =>
        epsilon * (2 * abs(value) + 4 * (attributes.weight as number) * abs(b.values[i] - a.values[i])),
    ),
  ],
  add: rounded,
  accumulate: rounded,
  dropout: rounded,
  clip_scale: rounded,
  // One division.
  tril_mean: rounded,
  // The sum is computed in double.
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
  embedding_accumulate: (call) => {
    const [total, ...inputs] = call.inputs
    const terms = 1 + sizeOf(inputs[0].shape)
    const sums = magnitudes('embedding_backward', {
      ...call,
      inputs,
      attributes: { vocabulary: total.shape[0] },
    })
    return [map(sums, (sum, i) => 16 * epsilon * sqrt(terms) * (sum + abs(total.values[i])))]
  },
  gelu,
  gelu_backward: geluBackward,
  swiglu,
  swiglu_backward: swigluBackward,
  // tanh is computed in a few roundings, and its argument has one. If it is denormal before the
  // multiplication by cap, it is so afterwards.
  soft_cap: ({ outputs: [y], attributes }) => [
    map(y.values, (value) => 16 * epsilon * abs(value) + tiny * (attributes.cap as number)),
  ],
  // 1 − (y/cap)² may cancel: its error is a few roundings of 1.
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
  // The difference may cancel, but the value that it is added to does not.
  ema: ({ inputs, outputs }) => {
    const rest = abs(1 - inputs[0].values[0])
    return outputs.map(({ values }, t) => {
      const [a, p] = [inputs[1 + t].values, inputs[1 + outputs.length + t].values]
      return map(values, (y, i) => epsilon * (2 * abs(y) + 4 * rest * abs(p[i] - a[i])))
    })
  },
}

function map(values: ArrayLike<number>, f: (value: number, index: number) => number): Float64Array {
  // Float64Array.from takes several times as long.
  const results = new Float64Array(values.length)
  for (let i = 0; i < results.length; i++) results[i] = f(values[i], i)
  return results
}

function absolute({ dtype, shape, values }: Operand): Tensor {
  const floats = dtype === 'f32' || dtype === 'bf16'
  const data: TypedArray = floats ? map(values, abs) : allocate(dtype, values.length)
  if (!floats) data.set(values)
  return new Tensor(floats ? 'f64' : dtype, shape, data)
}

/** The op's reference on the absolute values of its inputs: Σ|a||b| if it is a sum of products. */
function magnitudes(op: string, { inputs, outputs, attributes }: Call, operands = inputs): ArrayLike<number> {
  const result = new Tensor('f64', outputs[0].shape, new Float64Array(sizeOf(outputs[0].shape)))
  opsByName.get(op)!.reference(operands.map(absolute), [result], attributes)
  return result.data
}

/**
 * 16·ε·√K·Σ|a||b|; `addend` (a repeated bias, or the previous total) counts as one more product.
 */
function product(call: Call, [a, b]: Operand[], more: number, addend?: Operand): Bounds {
  const K = call.attributes.transpose_a ? rowsOf(a.shape) : lastOf(a.shape)
  const sums = magnitudes('matmul', call, [a, b])
  const extra = (i: number) => (addend ? abs(addend.values[i % addend.values.length]) : 0)
  return map(sums, (sum, i) => 16 * epsilon * sqrt(K + more) * (sum + extra(i)))
}

/**
 * The mean is a sum of C terms divided by C. The differences from it have an error of ε·max|x|:
 * relative to the deviation, ε·r with r = 1 + max|x|·rstd. rstd has the same relative error, and z
 * = (x − mean)·rstd the same absolute error.
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

/**
 * As layer_norm_backward with a mean of 0: dx = rstd·(h − z·avg(h·z)), dgain = Σ dy·z over all
 * groups.
 */
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
 * Sine and cosine, two products and their sum are rounded. An angle is a double of up to 2²⁴, so
 * its error, and that of the sine, is below ε.
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
 * The parts of gelu's slope, Φ and |x·Φ′|, and their relative errors. The argument of an
 * exponential is rounded, so the exponential's relative error is the size of the argument, in units
 * of ε. For x > 0, Φ is 1 minus an exponential, with a rounding of 1.
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

/** The smallest normal f32: kernels may flush an exponential below it to 0. */
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
    // The largest factors of an exponential are x and the slope of the argument, which is at most
    // 1.6 + 0.22·x².
    const lost = smallestNormal * (1 + abs(value) * (2 + value ** 2))
    return abs(dy.values[i]) * (off[0] * share + off[1] * slope + lost)
  })
  return [bounds]
}

/**
 * The relative error of σ: for x < 0 it is an exponential, whose error is the size of its argument.
 */
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

/** Calls `visit` for each row of […, T, S], with its start and the end of its visible part. */
function forEachCausalRow({ shape, values }: Operand, visit: (start: number, visible: number) => void): void {
  const [T, S] = shape.slice(-2)
  for (let row = 0; row < values.length / S; row++) visit(row * S, row * S + (row % T) + 1 + S - T)
}

/**
 * The argument of exp, scale·(x − max), has an error proportional to its size: two roundings of it
 * and one of scale. That is the relative error of exp. The error of the row's sum is the mean of
 * these under the softmax, plus √n for the summation.
 */
function maskedSoftmax({ inputs: [x], outputs: [y], attributes }: Call): Bounds[] {
  const bounds = new Float64Array(y.values.length)
  forEachCausalRow(x, (start, visible) => {
    let top = -Infinity
    for (let i = start; i < visible; i++) top = max(top, x.values[i])
    // A weight of 0, as for −Infinity, has no error.
    const weighed = (i: number) =>
      y.values[i] === 0 ? 0 : y.values[i] * (attributes.scale as number) * (top - x.values[i])
    let mean = 0
    for (let i = start; i < visible; i++) mean += weighed(i)
    const ofSum = mean + sqrt(visible - start)
    for (let i = start; i < visible; i++) bounds[i] = 16 * epsilon * (weighed(i) + y.values[i] * ofSum)
  })
  return [bounds]
}

/** scale·y·(dy − Σ y·dy); the sum contributes √n. */
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
  /** Offsets of the query and of key 0 for this head. */
  query: number
  key: number
  index: number
  visible: number
  /** The relative error of a probability of this row, in units of ε. */
  uncertainty: number
  probabilities: Float64Array
}

/**
 * Visits each row with its probabilities. A score is a sum of D products, with an error of √D·S for
 * S = scale·Σ|q||k|, the largest of the row. The argument of exp has the same error, plus roundings
 * of the score and of lse. The row's sum contributes √n.
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
      // A score of −Infinity has no error.
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

/**
 * If `result` is bf16, weights or gradients of scores are rounded to bf16 before they are
 * multiplied: a relative error of 2⁻⁸.
 */
function weightRounding({ dtype }: Operand): number {
  return dtype === 'bf16' ? 2 ** -8 : 0
}

/**
 * y = Σ p·v, with the error of p from `forEachRow`; lse has the errors of a score and of the
 * logarithm of the sum.
 */
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
 * dv = Σ p·f·dy. The gradient of a score is p·(f·Σ dy·v − Σ dy·y), whose sums contribute √D. dq and
 * dk are its products with k and q. The error of each p comes from `forEachRow`.
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

/**
 * Tokens are exact. The logarithm of a probability is summed in double, from f32 logits, and
 * rounded once.
 */
function sampled({ outputs: [tokens, logProbabilities] }: Call): Bounds[] {
  return [
    new Float64Array(tokens.values.length),
    map(logProbabilities.values, (y) => epsilon * abs(y) + 1e-12),
  ]
}

/**
 * The relative error of exp(x − max) is |x − max|, so that of log Σ exp is the mean of these under
 * the softmax, plus roundings.
 */
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

/**
 * The relative error of exp(x − lse) is 1 + |x − lse|. Subtracting 1 for the target keeps the
 * absolute error.
 */
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

/** A few roundings each. m may cancel, and its absolute error carries over to the update. */
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

/**
 * The gradient is a sum of two terms, m of three, the update of these. Each may cancel, and its
 * absolute error carries over.
 */
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
 * An iteration multiplies X, whose singular values are at most 1.21, in products of K = `side`
 * terms (X·Xᵀ: `longer`). Relative to X's largest singular value of 1, their error spreads evenly
 * over all elements: ε·√K times their root mean square, as for a sum of random roundings.
 *
 * An iteration multiplies the error that it receives by at most 3.4445, its slope at 0. (The slopes
 * between 0 and 1.2, and the ratios that rotate singular vectors, are smaller, or occur only near
 * the flat top at 0.55.) So n iterations accumulate Σ 3.4445^i for i < n: 198 for five, most of it
 * in a matrix with singular values of 0.
 *
 * The safety factor is 4, a quarter of that of the other sums: observed errors are a third of the
 * bound after one iteration, and a tenth after five.
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
    // Singular values of at most 1.21 in `side` directions, spread over rows · columns elements.
    const size = 1.21 / sqrt(longer)
    const ofDirection = 4 * epsilon * sqrt(longer) * passedOn * size
    const step = abs(rate) * sqrt(max(1, rows / columns))
    parameters.push(
      map(p, (old) => 4 * epsilon * abs(old) * (1 + abs(rate) * weight_decay) + step * ofDirection),
    )
  }
  return [...parameters, ...ms]
}
