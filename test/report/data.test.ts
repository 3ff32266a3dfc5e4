// What a page shows of a run.

import type { StepRecord } from '../../lib/history/types'
import { pageRun } from '../../lib/report/data'
import { runRecord } from '../support/run_records'

const step = (from: number, to: number, more: Partial<StepRecord> = {}): StepRecord => ({
  ...{ from, to, loss: 1, learningRate: 0.1, gradientNorm: 1, tokensPerSecond: 100, seconds: to },
  ...more,
})

function withSteps(steps: readonly StepRecord[]) {
  const record = runRecord({ steps: 10, evalInterval: 5 })
  return pageRun({ ...record, history: { ...record.history, steps } })
}

test('a short history is shown as it is', () => {
  const { training } = withSteps([step(0, 1, { loss: 4 }), step(1, 3, { loss: null, gradientNorm: null })])
  expect(training.step).toEqual([1, 2.5])
  expect(training.loss).toEqual([4, null])
  expect(training.gradientNorm).toEqual([1, null])
})

test('merged records have the mean loss of their updates, and the largest norm', () => {
  const pairs = Array.from({ length: 1500 }, (_, i) => [
    step(4 * i, 4 * i + 1, { loss: 2, gradientNorm: 3, tokensPerSecond: 50 }),
    step(4 * i + 1, 4 * i + 4, { loss: 6, gradientNorm: 5, tokensPerSecond: 150 }),
  ]).flat()
  const { training } = withSteps(pairs)
  expect(training.loss).toHaveLength(1500)
  expect(training.loss[7]).toBe(5) // (2 + 3 · 6) / 4
  expect(training.gradientNorm[7]).toBe(5)
  expect(training.tokensPerSecond[7]).toBe(100) // 4 updates in 1/50 + 3/150
  expect(training.step[0]).toBe(2.5)
  expect(training.seconds.at(-1)).toBe(6000)
})

test('skipped updates do not count, and a record of them alone has no loss', () => {
  const records = Array.from({ length: 4000 }, (_, i) =>
    step(i, i + 1, i % 2 === 0 ? { loss: null, gradientNorm: null } : { loss: 3 }),
  )
  records[0] = step(0, 1, { loss: null, gradientNorm: null })
  records[1] = step(1, 2, { loss: null, gradientNorm: null })
  const { training } = withSteps(records)
  expect(training.loss.slice(0, 2)).toEqual([null, 3])
})

test('the best evaluation, the first and the last are kept', () => {
  const record = runRecord({ steps: 5000, evalInterval: 1 })
  const evaluations = record.history.evaluations.map((each) => ({
    ...each,
    valLoss: each.step === 1237 ? 0.5 : each.valLoss,
    best: each.step <= 1237,
  }))
  const run = pageRun({ ...record, history: { ...record.history, evaluations } })
  expect(run.best).toEqual({ step: 1237, valLoss: 0.5 })
  expect(run.evaluations.step.length).toBeLessThan(1010)
  expect(run.evaluations.step).toContain(1237)
  expect(run.evaluations.step[0]).toBe(0)
  expect(run.evaluations.step.at(-1)).toBe(5000)
})

test('the exact loss decides, if there is one', () => {
  const record = runRecord({ steps: 500 })
  const evaluations = record.history.evaluations.map((each, i) => ({ ...each, exactValLoss: 3 + i }))
  const run = pageRun({ ...record, history: { ...record.history, evaluations } })
  expect(run.best).toEqual({ step: 0, valLoss: 3 })
  expect(run.evaluations.validation).toEqual([3, 4, 5])
})

test.each([
  ['runs/first', 'runs/first'],
  ['/home/me/project/runs/first/', 'runs/first'],
  ['C:\\me\\runs\\first', 'runs/first'],
  ['first', 'first'],
  ['./first', 'first'],
  ['/', '/'],
])('the name of %s is %s', (folder, name) => {
  expect(pageRun(runRecord({ folder, steps: 10 }))).toMatchObject({ name, folder })
})

test.each([
  ['char', 'character'],
  ['byte', 'byte'],
  ['bpe', 'token'],
  ['/models/tokenizer.json', 'token'],
])('a model with the tokenizer %s predicts a %s', (tokenizer, unit) => {
  expect(pageRun(runRecord({ steps: 10, options: { tokenizer } })).unit).toBe(unit)
})
