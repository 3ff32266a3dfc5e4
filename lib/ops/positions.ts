// positions: start, start + 1, …, start + length − 1, for one sequence or for several.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectSpec, outOfRange } from './op'

export const positionsOp = defineOp({
  name: 'positions',
  integers: ['length'],
  shape([start], { length }) {
    expectSpec('positions', 'start', start, 'i32')
    demand(start.shape.length <= 1, 'positions', () => `start must be [] or [B], not [${start.shape}]`)
    demand(
      Number.isInteger(length) && (length as number) >= 1,
      'positions',
      () => `length must be at least 1, not ${length}`,
    )
    return [{ dtype: 'i32', shape: [...start.shape, length as number] }]
  },
  reference([start], [y], attributes) {
    const length = attributes.length as number
    start.data.forEach((first, b) => {
      const last = first + length - 1
      if (last > 0x7fffffff) outOfRange(`positions: the last one is ${last}, more than i32 holds`, 0)
      for (let t = 0; t < length; t++) y.data[b * length + t] = first + t
    })
  },
})

/** start [] → y [length], or start [B] → y [B, length]. */
export function positions(start: Tensor, length: number): Tensor {
  return apply(positionsOp, [start], { length })[0]
}
