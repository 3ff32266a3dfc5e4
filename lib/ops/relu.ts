// relu: max(x, 0). NaN stays NaN. The gradient passes where the output is positive.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, expectFloat, expectSpec, floats } from './op'

export const reluOp = defineOp({
  name: 'relu',
  bf16: { inputs: [0], outputs: [0] },
  shape([x]) {
    expectFloat('relu', 'x', x)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  gradient: ({ outputs: [y], gradients: [dy] }) => [dy && reluBackward(y, dy)],
  reference([x], [y]) {
    const [values, out] = [floats(x), floats(y)]
    for (let i = 0; i < out.length; i++) out[i] = Math.max(values[i], 0)
  },
})

export const reluBackwardOp = defineOp({
  name: 'relu_backward',
  bf16: { inputs: [0, 1], outputs: [0] },
  shape([y, dy]) {
    expectFloat('relu_backward', 'y', y)
    expectSpec('relu_backward', 'dy', dy, 'f32', y.shape)
    return [{ dtype: 'f32', shape: y.shape }]
  },
  reference([y, dy], [dx]) {
    const [values, gradient, out] = [floats(y), floats(dy), floats(dx)]
    for (let i = 0; i < out.length; i++) out[i] = values[i] > 0 ? gradient[i] : 0
  },
})

export function relu(x: Tensor): Tensor {
  return apply(reluOp, [x])[0]
}

export function reluBackward(y: Tensor, dy: Tensor): Tensor {
  return apply(reluBackwardOp, [y, dy])[0]
}
