// matmul_accumulate (fused): total += op(a)·op(b), in place. It combines matmul and accumulate, and
// is created by passes/fuse.ts.

import { matmulSizes, multiply } from './matmul'
import { defineOp, expectSpec, floats } from './op'

export const matmulAccumulateOp = defineOp({
  name: 'matmul_accumulate',
  fused: true,
  tf32: [1, 2],
  bf16: { operands: [1, 2] },
  shape([total, a, b], attributes) {
    const { M, N } = matmulSizes('matmul_accumulate', a, b, attributes)
    const shape = attributes.transpose_a ? [M, N] : [...a.shape.slice(0, -1), N]
    expectSpec('matmul_accumulate', 'total', total, 'f32', shape)
    return [{ dtype: 'f32', shape }]
  },
  inPlace: () => 0,
  reference([, a, b], [total], attributes) {
    const sums = floats(total)
    multiply(a, b, attributes, (row, values) => {
      for (let n = 0; n < values.length; n++) sums[row * values.length + n] += values[n]
    })
  },
})
