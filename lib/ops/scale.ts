// scale: y = factor · x.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, floats } from './op'

export const scaleOp = defineOp({
  name: 'scale',
  shape([x], { factor }) {
    expectFloat('scale', 'x', x)
    // Check the value after rounding to f32, which is what kernels use.
    const fits = Number.isFinite(Math.fround(factor as number))
    demand(fits, 'scale', () => `factor must be finite, not ${factor}`)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  gradient: ({ gradients: [dy], attributes }) => [dy && scale(dy, attributes.factor as number)],
  reference([x], [y], { factor }) {
    const [values, out] = [floats(x), floats(y)]
    for (let i = 0; i < out.length; i++) out[i] = (factor as number) * values[i]
  },
})

/** factor · x, elementwise. */
export function scale(x: Tensor, factor: number): Tensor {
  return apply(scaleOp, [x], { factor })[0]
}
