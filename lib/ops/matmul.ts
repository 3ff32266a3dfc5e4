// matmul: y = op(a)·op(b). Each operand is read as a matrix of rows × last dimension.

import { type FloatArray, lastOf, rowsOf, type TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, floats, type Operand } from './op'

export const matmulOp = defineOp({
  name: 'matmul',
  tf32: [0, 1],
  bf16: { operands: [0, 1], outputs: [0] },
  shape([a, b], attributes) {
    expectFloat('matmul', 'a', a)
    expectFloat('matmul', 'b', b)
    const { M, N } = matmulSizes('matmul', a, b, attributes)
    return [{ dtype: 'f32', shape: attributes.transpose_a ? [M, N] : [...a.shape.slice(0, -1), N] }]
  },
  // y = A·B: dA = dy·Bᵀ and dB = Aᵀ·dy. The transposes become flags of the products.
  gradient({ inputs: [a, b], gradients: [dy], attributes, needed }) {
    if (!dy) return []
    const { transpose_a: ta, transpose_b: tb } = attributes
    const da = () => (ta ? matmul(b, dy, tb as boolean, true) : matmul(dy, b, false, !tb))
    const db = () => (tb ? matmul(dy, a, true, ta as boolean) : matmul(a, dy, !ta, false))
    return [needed[0] ? da() : undefined, needed[1] ? db() : undefined]
  },
  reference([a, b], [y], attributes) {
    multiply(a, b, attributes, (row, values) => y.data.set(values, row * values.length))
  },
})

/** The sizes of op(a) [M, K] and op(b) [K, N]. */
export function matmulSizes(op: string, a: TensorSpec, b: TensorSpec, attributes: Attributes) {
  const [M, K] = attributes.transpose_a
    ? [lastOf(a.shape), rowsOf(a.shape)]
    : [rowsOf(a.shape), lastOf(a.shape)]
  const [inner, N] = attributes.transpose_b
    ? [lastOf(b.shape), rowsOf(b.shape)]
    : [rowsOf(b.shape), lastOf(b.shape)]
  demand(a.shape.length >= 1 && b.shape.length >= 1, op, () => 'operands need at least one dimension')
  demand(K === inner, op, () => `inner sizes differ: [${M}, ${K}] · [${inner}, ${N}]`)
  return { M, K, N }
}

/** Calls `emit` with each row of op(a)·op(b), summed in float64. */
export function multiply(
  a: Tensor,
  b: Tensor,
  attributes: Attributes,
  emit: (row: number, values: Float64Array) => void,
): void {
  const { M, K, N } = matmulSizes('matmul', a, b, attributes)
  const [x, w] = [floats(a), floats(b)]
  const [rowStride, columnStride] = attributes.transpose_a ? [1, M] : [K, 1]
  const left = new Float64Array(K)
  const sums = new Float64Array(N)
  const rowTimes = attributes.transpose_b ? rowTimesTransposed : rowTimesMatrix
  for (let m = 0; m < M; m++) {
    for (let k = 0; k < K; k++) left[k] = x[m * rowStride + k * columnStride]
    rowTimes(left, w, sums)
    emit(m, sums)
  }
}

/** sums [N] = left [K] · w [K, N], four rows of w at a time, which is twice as fast. */
function rowTimesMatrix(left: Float64Array, w: FloatArray, sums: Float64Array): void {
  const [K, N] = [left.length, sums.length]
  sums.fill(0)
  let k = 0
  for (; k + 4 <= K; k += 4) {
    const [f0, f1, f2, f3] = [left[k], left[k + 1], left[k + 2], left[k + 3]]
    const [r0, r1, r2, r3] = [k * N, (k + 1) * N, (k + 2) * N, (k + 3) * N]
    for (let n = 0; n < N; n++) sums[n] += f0 * w[r0 + n] + f1 * w[r1 + n] + (f2 * w[r2 + n] + f3 * w[r3 + n])
  }
  for (; k < K; k++) {
    for (let n = 0; n < N; n++) sums[n] += left[k] * w[k * N + n]
  }
}

/** sums [N] = left [K] · wᵀ, w [N, K], four columns of the result at a time. */
function rowTimesTransposed(left: Float64Array, w: FloatArray, sums: Float64Array): void {
  const [K, N] = [left.length, sums.length]
  let n = 0
  for (; n + 4 <= N; n += 4) {
    const [r0, r1, r2, r3] = [n * K, (n + 1) * K, (n + 2) * K, (n + 3) * K]
    let [s0, s1, s2, s3] = [0, 0, 0, 0]
    for (let k = 0; k < K; k++) {
      const value = left[k]
      s0 += value * w[r0 + k]
      s1 += value * w[r1 + k]
      s2 += value * w[r2 + k]
      s3 += value * w[r3 + k]
    }
    sums[n] = s0
    sums[n + 1] = s1
    sums[n + 2] = s2
    sums[n + 3] = s3
  }
  for (; n < N; n++) {
    let sum = 0
    for (let k = 0; k < K; k++) sum += left[k] * w[n * K + k]
    sums[n] = sum
  }
}

/**
 * a (rows × K) · b (K × N) → the leading dimensions of a, and N.
 *
 * @param transposeA reads a as its transpose; the result is then [M, N]. Default: false
 * @param transposeB reads b (N × K) as its transpose, like the weight of a Linear. Default: false
 */
export function matmul(a: Operand, b: Operand, transposeA = false, transposeB = false): Tensor {
  return apply(matmulOp, [a, b], { transpose_a: transposeA, transpose_b: transposeB })[0]
}
