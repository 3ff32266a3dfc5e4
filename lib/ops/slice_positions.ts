// slice_positions: consecutive positions of each sequence. concat_positions puts slices together
// again. Each computes the gradient of the other.

import { sizeOf, type TensorSpec } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import { fill } from './fill'
import { apply, defineOp, demand, expectSpec } from './op'

export const slicePositionsOp = defineOp({
  name: 'slice_positions',
  integers: ['begin', 'count'],
  shape([x], attributes) {
    const [begin, count] = [attributes.begin as number, attributes.count as number]
    const [B, T, ...rest] = positionsIn('slice_positions', x)
    demand(
      begin >= 0 && count >= 1 && begin + count <= T,
      'slice_positions',
      () => `positions ${begin}…${begin + count - 1} are not within 0…${T - 1}`,
    )
    return [{ dtype: x.dtype, shape: [B, count, ...rest] }]
  },
  gradient({ inputs: [x], gradients: [dy], attributes }) {
    if (!dy) return []
    const [B, T, ...rest] = x.shape
    const [begin, count] = [attributes.begin as number, attributes.count as number]
    const zeros = (length: number) => (length > 0 ? [fill([B, length, ...rest], 0, dy.trace)] : [])
    return [concatPositions([...zeros(begin), dy, ...zeros(T - begin - count)])]
  },
  reference([x], [y], { begin }) {
    move(y, x, begin as number, (whole, part) => part.set(whole))
  },
})

export const concatPositionsOp = defineOp({
  name: 'concat_positions',
  shape(inputs) {
    demand(inputs.length >= 1, 'concat_positions', () => 'it takes one or more tensors')
    const [B, , ...rest] = positionsIn('concat_positions', inputs[0])
    const dtype = inputs[0].dtype === 'i32' ? 'i32' : 'f32'
    let length = 0
    for (const x of inputs) {
      const T = positionsIn('concat_positions', x)[1]
      expectSpec('concat_positions', 'x', x, dtype, [B, T, ...rest])
      length += T
    }
    return [{ dtype, shape: [B, length, ...rest] }]
  },
  gradient({ inputs, gradients: [dy], needed }) {
    if (!dy) return []
    let end = 0
    return inputs.map(({ shape: [, count] }, i) => {
      end += count
      return needed[i] ? slicePositions(dy, end - count, count) : undefined
    })
  },
  reference(inputs, [y]) {
    let begin = 0
    for (const x of inputs) {
      move(x, y, begin, (whole, part) => whole.set(part))
      begin += x.shape[1]
    }
  },
})

/** The shape [B, T, …] of an operand. */
function positionsIn(op: string, x: TensorSpec): readonly number[] {
  if (x.dtype !== 'i32') expectSpec(op, 'x', x, 'f32')
  demand(x.shape.length >= 2, op, () => `x must be [B, T, …], not [${x.shape}]`)
  return x.shape
}

type Elements = Tensor['data']

/** Calls `copy` with the positions of each sequence of `part`, in `whole` from `begin` on and in `part`. */
function move(part: Tensor, whole: Tensor, begin: number, copy: (whole: Elements, part: Elements) => void) {
  const [B, count, ...rest] = part.shape
  const [size, T] = [sizeOf(rest), whole.shape[1]]
  for (let b = 0; b < B; b++) {
    const from = (b * T + begin) * size
    copy(
      whole.data.subarray(from, from + count * size),
      part.data.subarray(b * count * size, (b + 1) * count * size),
    )
  }
}

/** x [B, T, …] → y [B, count, …]: its positions begin … begin + count − 1. */
export function slicePositions(x: Tensor, begin: number, count: number): Tensor {
  return apply(slicePositionsOp, [x], { begin, count })[0]
}

/** n tensors [B, Tᵢ, …] → y [B, ΣTᵢ, …], in their order. */
export function concatPositions(tensors: readonly Tensor[]): Tensor {
  return apply(concatPositionsOp, tensors)[0]
}
