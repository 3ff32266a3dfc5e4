// cache_write: writes the keys (or values) of new positions into slots of a cache, in place.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, expectSpec, outOfRange } from './op'

export const cacheWriteOp = defineOp({
  name: 'cache_write',
  shape([cache, x, start, slot]) {
    expectFloat('cache_write', 'cache', cache)
    demand(cache.shape.length === 3, 'cache_write', () => `cache must be [R, S, C], not [${cache.shape}]`)
    const [, S, C] = cache.shape
    expectSpec('cache_write', 'x', x, 'f32', [x.shape[0], x.shape[1], C])
    demand(x.shape[1] <= S, 'cache_write', () => `${x.shape[1]} positions do not fit a cache of ${S}`)
    expectSpec('cache_write', 'start', start, 'i32', [x.shape[0]])
    expectSpec('cache_write', 'slot', slot, 'i32', [x.shape[0]])
    return [{ dtype: 'f32', shape: cache.shape }]
  },
  inPlace: () => 0,
  reference([, x, start, slot], [cache]) {
    const [R, S, C] = cache.shape
    const [B, T] = x.shape
    const taken = new Set<number>()
    for (let b = 0; b < B; b++) {
      const [first, row] = [start.data[b], slot.data[b]]
      if (first < 0 || first + T > S)
        outOfRange(`cache_write: positions ${first}…${first + T - 1} leave the cache of ${S}`, 2)
      checkSlot('cache_write', row, R, 3)
      if (taken.has(row)) outOfRange(`cache_write: two sequences have slot ${row}`, 3)
      taken.add(row)
    }
    for (let b = 0; b < B; b++) {
      const values = x.data.subarray(b * T * C, (b + 1) * T * C)
      cache.data.set(values, (slot.data[b] * S + start.data[b]) * C)
    }
  },
})

/**
 * Ends the run unless `slot` is a slot of a cache of `slots`. `input` is the number of the input
 * that holds it.
 */
export function checkSlot(op: string, slot: number, slots: number, input: number): void {
  if (slot < 0 || slot >= slots) outOfRange(`${op}: slot ${slot} is outside 0…${slots - 1}`, input)
}

/**
 * cache [R, S, C], x [B, T, C], start [B], slot [B] → the cache with x[b] at positions start[b] …
 * start[b] + T − 1 of slot[b].
 */
export function cacheWrite(cache: Tensor, x: Tensor, start: Tensor, slot: Tensor): Tensor {
  return apply(cacheWriteOp, [cache, x, start, slot])[0]
}
