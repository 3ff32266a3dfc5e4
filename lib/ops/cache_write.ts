// cache_write: puts the keys (or values) of new positions into a cache, in place.

import type { Tensor } from '../graph/tensor'
import { apply, demand, expectFloat, expectSpec, type Op, outOfRange } from './op'

export const cacheWriteOp: Op = {
  name: 'cache_write',
  shape([cache, x, start]) {
    expectFloat('cache_write', 'cache', cache)
    demand(cache.shape.length === 3, 'cache_write', () => `cache must be [B, S, C], not [${cache.shape}]`)
    const [B, S, C] = cache.shape
    expectSpec('cache_write', 'x', x, 'f32', [B, x.shape[1], C])
    demand(x.shape[1] <= S, 'cache_write', () => `${x.shape[1]} positions do not fit a cache of ${S}`)
    expectSpec('cache_write', 'start', start, 'i32', [])
    return [{ dtype: 'f32', shape: cache.shape }]
  },
  inPlace: () => 0,
  reference([, x, start], [cache]) {
    const [B, S, C] = cache.shape
    const T = x.shape[1]
    const first = start.data[0]
    if (first < 0 || first + T > S)
      outOfRange(`cache_write: positions ${first}…${first + T - 1} leave the cache of ${S}`)
    for (let b = 0; b < B; b++) {
      cache.data.set(x.data.subarray(b * T * C, (b + 1) * T * C), (b * S + first) * C)
    }
  },
}

/** cache [B, S, C], x [B, T, C], start [] → the cache with x at positions start … start + T − 1. */
export function cacheWrite(cache: Tensor, x: Tensor, start: Tensor): Tensor {
  return apply(cacheWriteOp, [cache, x, start])[0]
}
