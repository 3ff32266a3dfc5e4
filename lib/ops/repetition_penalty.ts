// repetition_penalty: makes tokens that have already occurred less likely. A positive logit is
// divided by the penalty; any other logit is multiplied by it (Keskar et al., 2019).

import type { Tensor } from '../graph/tensor'
import { checkSlot } from './cache_write'
import { apply, defineOp, demand, expectFloat, expectSpec, floats, outOfRange } from './op'

export const repetitionPenaltyOp = defineOp({
  name: 'repetition_penalty',
  shape([logits, counts, slot, penalty]) {
    expectFloat('repetition_penalty', 'logits', logits)
    demand(
      logits.shape.length === 3,
      'repetition_penalty',
      () => `logits must be [B, T, V], not [${logits.shape}]`,
    )
    expectSpec('repetition_penalty', 'counts', counts, 'i32', [counts.shape[0], logits.shape[2]])
    expectSpec('repetition_penalty', 'slot', slot, 'i32', [logits.shape[0]])
    expectSpec('repetition_penalty', 'penalty', penalty, 'f32', [])
    return [{ dtype: 'f32', shape: logits.shape }]
  },
  reference([logits, counts, slot, penalty], [y]) {
    const [B, T, V] = logits.shape
    const factor = penalty.data[0]
    if (!(factor > 0 && factor < Infinity))
      outOfRange(`repetition_penalty: penalty ${factor} must be finite and more than 0`, 3)
    const [values, out] = [floats(logits), floats(y)]
    for (let b = 0; b < B; b++) {
      checkSlot('repetition_penalty', slot.data[b], counts.shape[0], 2)
      for (let i = b * T * V; i < (b + 1) * T * V; i++) {
        const seen = counts.data[slot.data[b] * V + (i % V)] > 0
        out[i] = !seen ? values[i] : values[i] > 0 ? values[i] / factor : values[i] * factor
      }
    }
  },
})

/**
 * logits [B, T, V], counts [R, V] from `countTokens`, slot [B], penalty [] (1: no effect) →
 * [B, T, V].
 */
export function repetitionPenalty(logits: Tensor, counts: Tensor, slot: Tensor, penalty: Tensor): Tensor {
  return apply(repetitionPenaltyOp, [logits, counts, slot, penalty])[0]
}
