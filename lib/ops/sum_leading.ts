// sum_leading: sums over the leading dimensions. It is the gradient of what add() repeats over
// them.

import { sizeOf } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, floats } from './op'

export const sumLeadingOp = defineOp({
  name: 'sum_leading',
  integers: ['rank'],
  bf16: { inputs: [0] },
  shape([x], { rank }) {
    expectFloat('sum_leading', 'x', x)
    const kept = rank as number
    const fits = Number.isInteger(kept) && kept >= 0 && kept <= x.shape.length
    demand(fits, 'sum_leading', () => `rank must be between 0 and ${x.shape.length}, not ${kept}`)
    return [{ dtype: 'f32', shape: x.shape.slice(x.shape.length - kept) }]
  },
  reference([x], [y]) {
    const sums = new Float64Array(sizeOf(y.shape))
    const values = floats(x)
    for (let i = 0; i < values.length; i += sums.length) {
      for (let j = 0; j < sums.length; j++) sums[j] += values[i + j]
    }
    y.data.set(sums)
  },
})

/** Sums over the leading dimensions, keeping the last `rank`. */
export function sumLeading(x: Tensor, rank: number): Tensor {
  return apply(sumLeadingOp, [x], { rank })[0]
}
