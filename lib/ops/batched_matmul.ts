// batched_matmul: y = op(a)·op(b) for each matrix of a batch. An operand of rank 2 is shared by the
// whole batch.

import { type Shape, sameShape, sizeOf, type TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import { Tensor } from '../graph/tensor'
import { multiply } from './matmul'
import { apply, defineOp, demand, expectFloat, type Operand } from './op'
import { sumLeading } from './sum_leading'

export const batchedMatmulOp = defineOp({
  name: 'batched_matmul',
  tf32: [0, 1],
  shape([a, b], attributes) {
    expectFloat('batched_matmul', 'a', a)
    expectFloat('batched_matmul', 'b', b)
    const { batch, M, N } = batchedSizes(a, b, attributes)
    return [{ dtype: 'f32', shape: [...batch, M, N] }]
  },
  // As in matmul. The gradient of a shared operand is summed over the batch.
  gradient({ inputs: [a, b], gradients: [dy], attributes, needed }) {
    if (!dy) return []
    const { transpose_a: ta, transpose_b: tb } = attributes
    const da = () => (ta ? batchedMatmul(b, dy, tb as boolean, true) : batchedMatmul(dy, b, false, !tb))
    const db = () => (tb ? batchedMatmul(dy, a, true, ta as boolean) : batchedMatmul(a, dy, !ta, false))
    return [needed[0] ? summed(da(), a) : undefined, needed[1] ? summed(db(), b) : undefined]
  },
  reference([a, b], [y], attributes) {
    const { batch } = batchedSizes(a, b, attributes)
    for (let i = 0; i < sizeOf(batch); i++) {
      const out = matrix(y, i).data
      multiply(matrix(a, i), matrix(b, i), attributes, (row, values) => out.set(values, row * values.length))
    }
  },
})

/** The batch's dimensions, and the sizes of op(a) […, M, K] and op(b) […, K, N]. */
function batchedSizes(a: TensorSpec, b: TensorSpec, { transpose_a, transpose_b }: Attributes) {
  const fits = a.shape.length >= 2 && b.shape.length >= 2
  demand(fits, 'batched_matmul', () => `operands need two dimensions, not [${a.shape}] and [${b.shape}]`)
  const batch = (a.shape.length > 2 ? a : b).shape.slice(0, -2)
  const alike = [a, b].every(({ shape }) => shape.length === 2 || sameShape(shape.slice(0, -2), batch))
  demand(
    alike,
    'batched_matmul',
    () =>
      `the leading dimensions of [${a.shape}] and [${b.shape}] differ: they must be equal, or one operand have rank 2`,
  )
  const [M, K] = lastTwo(a.shape, transpose_a as boolean)
  const [inner, N] = lastTwo(b.shape, transpose_b as boolean)
  demand(K === inner, 'batched_matmul', () => `inner sizes differ: [${M}, ${K}] · [${inner}, ${N}]`)
  return { batch, M, K, N }
}

function lastTwo(shape: Shape, transposed: boolean): number[] {
  const sizes = shape.slice(-2)
  return transposed ? sizes.reverse() : sizes
}

/** Matrix `i` of the batch, as a view. */
function matrix(x: Tensor, i: number): Tensor {
  const shape = x.shape.slice(-2)
  const size = sizeOf(shape)
  const start = x.shape.length > 2 ? i * size : 0
  return new Tensor(x.dtype, shape, x.data.subarray(start, start + size))
}

const summed = (gradient: Tensor, operand: Tensor): Tensor =>
  gradient.shape.length > operand.shape.length ? sumLeading(gradient, 2) : gradient

/**
 * a […, M, K] · b […, K, N] → y […, M, N], matrix by matrix. The leading dimensions must be equal,
 * or one operand must have rank 2. It is then shared by the whole batch.
 *
 * @param transposeA reads the matrices of a (K × M) as their transposes. Default: false
 * @param transposeB reads the matrices of b (N × K) as their transposes. Default: false
 */
export function batchedMatmul(a: Operand, b: Operand, transposeA = false, transposeB = false): Tensor {
  return apply(batchedMatmulOp, [a, b], { transpose_a: transposeA, transpose_b: transposeB })[0]
}
