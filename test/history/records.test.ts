// What some records of a history say together.

import { bestOf, meanLoss, meanSpeed } from '../../lib/history/records'
import type { EvaluationRecord, StepRecord } from '../../lib/history/types'

const steps = (from: number, to: number, more: Partial<StepRecord>): StepRecord => ({
  ...{ from, to, loss: 1, learningRate: 0.1, gradientNorm: 1, tokensPerSecond: 100, seconds: to },
  ...more,
})
const evaluation = (
  step: number,
  valLoss: number,
  more: Partial<EvaluationRecord> = {},
): EvaluationRecord => ({
  ...{ step, trainLoss: 1, valLoss, trainBitsPerByte: 1, valBitsPerByte: 1, best: false, seconds: 0 },
  ...more,
})

test('the mean loss is that of the updates, without skipped ones', () => {
  expect(meanLoss([steps(0, 1, { loss: 4 }), steps(1, 4, { loss: 2 }), steps(4, 8, { loss: null })])).toBe(
    2.5,
  )
  expect(meanLoss([steps(0, 1, { loss: null })])).toBeNull()
})

test('the mean speed is that of all tokens in all the time', () => {
  const records = [steps(0, 1, { tokensPerSecond: 50 }), steps(1, 4, { tokensPerSecond: 150 })]
  expect(meanSpeed(records)).toBe(100)
  // Of updates that took no measurable time, the speed is unknown.
  expect(meanSpeed([...records, steps(4, 100, { tokensPerSecond: 0 })])).toBe(100)
  expect(meanSpeed([steps(0, 1, { tokensPerSecond: 0 })])).toBeNaN()
})

test('the best evaluation is the first with the lowest loss, of the whole split if that is known', () => {
  expect(bestOf([])).toBeNull()
  expect(bestOf([evaluation(0, 3), evaluation(5, 2), evaluation(10, 2), evaluation(15, 4)])?.step).toBe(5)
  const exact = [evaluation(0, 1, { exactValLoss: 3 }), evaluation(5, 2, { exactValLoss: 2 })]
  expect(bestOf(exact)?.step).toBe(5)
})
