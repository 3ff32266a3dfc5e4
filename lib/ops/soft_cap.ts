// soft_cap: cap·tanh(x / cap), which is close to x near 0 and never exceeds ±cap. Used for logits
// (Gemma Team, 2024).

import type { TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, expectSpec, floats } from './op'

export const softCapOp = defineOp({
  name: 'soft_cap',
  shape: ([x], attributes) => [checkCap('soft_cap', 'x', x, attributes)],
  gradient: ({ outputs: [y], gradients: [dy], attributes }) => [
    dy && apply(softCapBackwardOp, [y, dy], attributes)[0],
  ],
  reference([x], [y], attributes) {
    const cap = attributes.cap as number
    const [values, out] = [floats(x), floats(y)]
    for (let i = 0; i < out.length; i++) out[i] = cap * Math.tanh(values[i] / cap)
  },
})

export const softCapBackwardOp = defineOp({
  name: 'soft_cap_backward',
  shape([y, dy], attributes) {
    const dx = checkCap('soft_cap_backward', 'y', y, attributes)
    expectSpec('soft_cap_backward', 'dy', dy, 'f32', y.shape)
    return [dx]
  },
  reference([y, dy], [dx], attributes) {
    const cap = attributes.cap as number
    const [values, gradient, out] = [floats(y), floats(dy), floats(dx)]
    for (let i = 0; i < out.length; i++) out[i] = gradient[i] * (1 - (values[i] / cap) ** 2)
  },
})

function checkCap(op: string, what: string, x: TensorSpec, { cap }: Attributes): TensorSpec {
  expectFloat(op, what, x)
  // Check the value after rounding to f32, which is what kernels use.
  const bound = Math.fround(cap as number)
  demand(bound > 0 && bound < Infinity, op, () => `cap must be positive and finite, not ${cap}`)
  return { dtype: 'f32', shape: x.shape }
}

/** cap·tanh(x / cap), elementwise. `cap` must be positive and finite. */
export function softCap(x: Tensor, cap: number): Tensor {
  return apply(softCapOp, [x], { cap })[0]
}
