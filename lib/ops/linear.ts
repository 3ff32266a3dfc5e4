// linear (fused): x·weightᵀ + bias, followed by relu if requested. It combines matmul, add and
// relu, and is created by passes/fuse.ts.

import { rowsOf } from '../graph/dtype'
import { matmulSizes, multiply } from './matmul'
import { defineOp, demand, expectFloat, expectSpec, floats } from './op'

export const linearOp = defineOp({
  name: 'linear',
  fused: true,
  tf32: [0, 1],
  bf16: { operands: [0, 1], outputs: [0] },
  shape([x, weight, bias]) {
    expectFloat('linear', 'x', x)
    expectFloat('linear', 'weight', weight)
    demand(weight.shape.length === 2, 'linear', () => `weight must be [N, K], not [${weight.shape}]`)
    const { N } = matmulSizes('linear', x, weight, { transpose_b: true })
    expectSpec('linear', 'bias', bias, 'f32', [N])
    return [{ dtype: 'f32', shape: [...x.shape.slice(0, -1), rowsOf(weight.shape)] }]
  },
  reference([x, weight, bias], [y], { relu }) {
    const [out, b] = [floats(y), floats(bias)]
    multiply(x, weight, { transpose_b: true }, (row, values) => {
      for (let n = 0; n < b.length; n++) {
        const sum = values[n] + b[n]
        out[row * b.length + n] = relu && sum < 0 ? 0 : sum
      }
    })
  },
})
