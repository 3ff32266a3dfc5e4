// require_finite: y = x. A NaN or an infinity ends the run before any later op, so the weights stay
// unchanged.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, expectSpec, InputError } from './op'

export const requireFiniteOp = defineOp({
  name: 'require_finite',
  shape([x]) {
    expectSpec('require_finite', 'x', x, 'f32', [])
    return [{ dtype: 'f32', shape: [] }]
  },
  gradient: ({ gradients }) => [gradients[0]],
  reference([x], [y]) {
    const value = x.data[0]
    if (!Number.isFinite(value))
      throw new InputError('non_finite', `require_finite: the value is ${value}`, 0)
    y.data[0] = value
  },
})

export function requireFinite(x: Tensor): Tensor {
  return apply(requireFiniteOp, [x])[0]
}
