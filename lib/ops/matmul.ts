// matmul: y = op(a)·op(b), each operand taken as rows × last dimension.

import { lastOf, rowsOf, type TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { apply, demand, expectFloat, floats, type Op, type Operand } from './op'

export const matmulOp: Op = {
  name: 'matmul',
  shape([a, b], attributes) {
    expectFloat('matmul', 'a', a)
    expectFloat('matmul', 'b', b)
    const { M, N } = matmulSizes('matmul', a, b, attributes)
    return [{ dtype: 'f32', shape: attributes.transpose_a ? [M, N] : [...a.shape.slice(0, -1), N] }]
  },
  // y = A·B: dA = dy·Bᵀ and dB = Aᵀ·dy, with transposes moved to where they cost nothing.
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
}

/** The sizes of op(a) [M, K] and op(b) [K, N]. */
export function matmulSizes(op: string, a: TensorSpec, b: TensorSpec, attributes: Attributes) {
  const [M, K] = attributes.transpose_a ? [lastOf(a.shape), rowsOf(a.shape)] : [rowsOf(a.shape), lastOf(a.shape)]
  const [inner, N] = attributes.transpose_b ? [lastOf(b.shape), rowsOf(b.shape)] : [rowsOf(b.shape), lastOf(b.shape)]
  demand(a.shape.length >= 1 && b.shape.length >= 1, op, () => 'operands need at least one dimension')
  demand(K === inner, op, () => `inner sizes differ: [${M}, ${K}] · [${inner}, ${N}]`)
  return { M, K, N }
}

/** Hands each row of op(a)·op(b) to `emit`, summed in float64. */
export function multiply(a: Tensor, b: Tensor, attributes: Attributes, emit: (row: number, values: Float64Array) => void): void {
  const { M, K, N } = matmulSizes('matmul', a, b, attributes)
  const [x, w] = [floats(a), floats(b)]
  const [rowA, columnA] = attributes.transpose_a ? [1, M] : [K, 1]
  const sums = new Float64Array(N)
  for (let m = 0; m < M; m++) {
    if (attributes.transpose_b) {
      for (let n = 0; n < N; n++) {
        let sum = 0
        for (let k = 0; k < K; k++) sum += x[m * rowA + k * columnA] * w[n * K + k]
        sums[n] = sum
      }
    } else {
      sums.fill(0)
      for (let k = 0; k < K; k++) {
        const factor = x[m * rowA + k * columnA]
        const row = k * N
        for (let n = 0; n < N; n++) sums[n] += factor * w[row + n]
      }
    }
    emit(m, sums)
  }
}

/**
 * a (rows × K) · b (K × N) → a's leading dimensions and N; with `transposeA`, a is read as its transpose and the result is [M, N].
 *
 * @param transposeB read b (N × K) as its transpose: a Linear's weight
 */
export function matmul(a: Operand, b: Operand, transposeA = false, transposeB = false): Tensor {
  return apply(matmulOp, [a, b], { transpose_a: transposeA, transpose_b: transposeB })[0]
}
