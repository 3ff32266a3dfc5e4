// select_row: selects the same position of each sequence.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, expectSpec, outOfRange } from './op'

export const selectRowOp = defineOp({
  name: 'select_row',
  shape([x, row]) {
    expectFloat('select_row', 'x', x)
    demand(x.shape.length === 3, 'select_row', () => `x must be [B, T, C], not [${x.shape}]`)
    expectSpec('select_row', 'row', row, 'i32', [])
    return [{ dtype: 'f32', shape: [x.shape[0], 1, x.shape[2]] }]
  },
  reference([x, row], [y]) {
    const [B, T, C] = x.shape
    const t = row.data[0]
    if (t < 0 || t >= T) outOfRange(`select_row: row ${t} is outside 0…${T - 1}`, 1)
    for (let b = 0; b < B; b++) y.data.set(x.data.subarray((b * T + t) * C, (b * T + t + 1) * C), b * C)
  },
})

/** x [B, T, C], row [] → y [B, 1, C]. */
export function selectRow(x: Tensor, row: Tensor): Tensor {
  return apply(selectRowOp, [x, row])[0]
}
