// accumulate: total += x, in place. It sums the gradients of micro-batches.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, expectFloat, expectSpec, floats } from './op'

export const accumulateOp = defineOp({
  name: 'accumulate',
  shape([total, x]) {
    expectFloat('accumulate', 'total', total)
    expectSpec('accumulate', 'x', x, 'f32', total.shape)
    return [{ dtype: 'f32', shape: total.shape }]
  },
  inPlace: () => 0,
  reference([, x], [total]) {
    const [values, sums] = [floats(x), floats(total)]
    for (let i = 0; i < sums.length; i++) sums[i] += values[i]
  },
})

export function accumulate(total: Tensor, x: Tensor): Tensor {
  return apply(accumulateOp, [total, x])[0]
}
