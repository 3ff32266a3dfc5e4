// relu_squared: max(x, 0)² (So et al., 2021). NaN stays NaN.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, expectFloat, expectSpec, floats } from './op'

export const reluSquaredOp = defineOp({
  name: 'relu_squared',
  bf16: { inputs: [0], outputs: [0] },
  shape([x]) {
    expectFloat('relu_squared', 'x', x)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  gradient: ({ inputs: [x], gradients: [dy] }) => [dy && apply(reluSquaredBackwardOp, [x, dy])[0]],
  reference([x], [y]) {
    const [values, out] = [floats(x), floats(y)]
    for (let i = 0; i < out.length; i++) out[i] = Math.max(values[i], 0) ** 2
  },
})

export const reluSquaredBackwardOp = defineOp({
  name: 'relu_squared_backward',
  bf16: { inputs: [0, 1], outputs: [0] },
  shape([x, dy]) {
    expectFloat('relu_squared_backward', 'x', x)
    expectSpec('relu_squared_backward', 'dy', dy, 'f32', x.shape)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  reference([x, dy], [dx]) {
    const [values, gradient, out] = [floats(x), floats(dy), floats(dx)]
    for (let i = 0; i < out.length; i++) out[i] = 2 * Math.max(values[i], 0) * gradient[i]
  },
})

/** max(x, 0)², elementwise. */
export function reluSquared(x: Tensor): Tensor {
  return apply(reluSquaredOp, [x])[0]
}
