// gather_batch: B windows of T tokens of a corpus, and the targets, which are the same windows one
// token later.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectSpec, outOfRange } from './op'

export const gatherBatchOp = defineOp({
  name: 'gather_batch',
  integers: ['block_size'],
  shape([corpus, offsets], { block_size }) {
    const tokens = corpus.shape.length === 1 && ['u8', 'u16', 'u32'].includes(corpus.dtype)
    demand(
      tokens,
      'gather_batch',
      () => `corpus must be u8, u16 or u32 of rank 1, not ${corpus.dtype} [${corpus.shape}]`,
    )
    demand(
      offsets.shape.length === 1,
      'gather_batch',
      () => `offsets must have rank 1, not shape [${offsets.shape}]`,
    )
    expectSpec('gather_batch', 'offsets', offsets, 'u32')
    const T = block_size as number
    const fits = Number.isInteger(T) && T >= 1 && T < corpus.shape[0]
    demand(
      fits,
      'gather_batch',
      () => `block_size ${T} needs a corpus of at least ${T + 1} tokens, not ${corpus.shape[0]}`,
    )
    const shape = [offsets.shape[0], T]
    return [
      { dtype: 'i32', shape },
      { dtype: 'i32', shape },
    ]
  },
  reference([corpus, offsets], [tokens, targets], { block_size }) {
    const T = block_size as number
    const source = corpus.data
    offsets.data.forEach((offset, b) => {
      if (offset + T >= source.length) {
        outOfRange(
          `gather_batch: offset ${offset} + block_size ${T} leaves the corpus of ${source.length} tokens`,
          1,
        )
      }
      for (let t = 0; t < T; t++) {
        tokens.data[b * T + t] = source[offset + t]
        targets.data[b * T + t] = source[offset + t + 1]
      }
    })
  },
})

/** corpus [N], offsets [B] → tokens [B, T] and targets [B, T]. */
export function gatherBatch(corpus: Tensor, offsets: Tensor, blockSize: number): [Tensor, Tensor] {
  return apply(gatherBatchOp, [corpus, offsets], { block_size: blockSize }) as [Tensor, Tensor]
}
