// positions: start, start + 1, … start + length − 1.

import type { Tensor } from '../graph/tensor'
import { apply, demand, expectSpec, type Op, outOfRange } from './op'

export const positionsOp: Op = {
  name: 'positions',
  integers: ['length'],
  shape([start], { length }) {
    expectSpec('positions', 'start', start, 'i32', [])
    demand(
      Number.isInteger(length) && (length as number) >= 1,
      'positions',
      () => `length must be at least 1, not ${length}`,
    )
    return [{ dtype: 'i32', shape: [length as number] }]
  },
  reference([start], [y]) {
    const last = start.data[0] + y.data.length - 1
    if (last > 0x7fffffff) outOfRange(`positions: the last one is ${last}, more than i32 holds`)
    for (let t = 0; t < y.data.length; t++) y.data[t] = start.data[0] + t
  },
}

/** start [] → y [length]. */
export function positions(start: Tensor, length: number): Tensor {
  return apply(positionsOp, [start], { length })[0]
}
