// What some records of a history say together.

import type { EvaluationRecord, StepRecord } from './types'

/** The mean training loss of all updates that were not skipped; null: there are none. */
export function meanLoss(records: readonly StepRecord[]): number | null {
  let [sum, count] = [0, 0]
  for (const { loss, from, to } of records) {
    if (loss === null) continue
    sum += loss * (to - from)
    count += to - from
  }
  return count > 0 ? sum / count : null
}

/** The mean speed in tokens per second. NaN: unknown. */
export function meanSpeed(records: readonly StepRecord[]): number {
  let [updates, time] = [0, 0]
  for (const { from, to, tokensPerSecond } of records) {
    if (tokensPerSecond === 0) continue
    updates += to - from
    // All updates have the same number of tokens, which is left out.
    time += (to - from) / tokensPerSecond
  }
  return updates / time
}

export type LossUnit = 'nats per token' | 'bits per byte'

/** The validation loss that decides which model is the best, in a unit. */
export function decidingLoss(evaluation: EvaluationRecord, unit: LossUnit): number {
  const { valLoss, exactValLoss = valLoss, valBitsPerByte, exactValBitsPerByte = valBitsPerByte } = evaluation
  return unit === 'nats per token' ? exactValLoss : exactValBitsPerByte
}

/**
 * The first evaluation with the lowest validation loss; null: there is none. A damaged history may lack
 * the one that was marked as the best.
 */
export function bestOf(evaluations: readonly EvaluationRecord[]): EvaluationRecord | null {
  const lossOf = (each: EvaluationRecord) => decidingLoss(each, 'nats per token')
  return evaluations.reduce<EvaluationRecord | null>(
    (best, each) => (best && lossOf(best) <= lossOf(each) ? best : each),
    null,
  )
}
