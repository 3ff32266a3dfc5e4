// count_tokens: counts, in place, how often each token has occurred in each slot of a generation.
// Counts saturate at 2³¹ − 1.

import type { Tensor } from '../graph/tensor'
import { checkSlot } from './cache_write'
import { apply, defineOp, demand, expectSpec, outOfRange } from './op'

export const countTokensOp = defineOp({
  name: 'count_tokens',
  shape([counts, tokens, slot]) {
    expectSpec('count_tokens', 'counts', counts, 'i32')
    demand(counts.shape.length === 2, 'count_tokens', () => `counts must be [R, V], not [${counts.shape}]`)
    expectSpec('count_tokens', 'tokens', tokens, 'i32')
    demand(tokens.shape.length === 2, 'count_tokens', () => `tokens must be [B, T], not [${tokens.shape}]`)
    expectSpec('count_tokens', 'slot', slot, 'i32', [tokens.shape[0]])
    return [{ dtype: 'i32', shape: counts.shape }]
  },
  inPlace: () => 0,
  reference([, tokens, slot], [counts]) {
    const [R, V] = counts.shape
    const [B, T] = tokens.shape
    slot.data.forEach((row, b) => {
      checkSlot('count_tokens', row, R, 2)
      tokens.data.subarray(b * T, (b + 1) * T).forEach((token) => {
        if (token < 0 || token >= V)
          outOfRange(`count_tokens: token ${token} is outside the vocabulary 0…${V - 1}`, 1)
      })
    })
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) {
        const at = slot.data[b] * V + tokens.data[b * T + t]
        counts.data[at] = Math.min(counts.data[at] + 1, 0x7fffffff)
      }
    }
  },
})

/**
 * counts [R, V], tokens [B, T], slot [B] → the counts, with the tokens of sequence b added to row
 * slot[b].
 */
export function countTokens(counts: Tensor, tokens: Tensor, slot: Tensor): Tensor {
  return apply(countTokensOp, [counts, tokens, slot])[0]
}
