// Several runs beside each other.

import { compare } from '../../lib/report/compare'
import { pageRun } from '../../lib/report/data'
import { type RunToMake, runRecord, withoutEvaluations } from '../support/run_records'

const run = (make: RunToMake) => pageRun(runRecord(make))

test('losses are compared at the last step, and after the time, that all runs reached', () => {
  const long = run({ folder: 'long', steps: 1000, evalInterval: 100 })
  const short = run({ folder: 'short', steps: 650, evalInterval: 130 })
  const slow = { ...short, evaluations: { ...short.evaluations, seconds: [0, 20, 40, 60, 80, 100] } }
  const { equalStep, equalSeconds, runs } = compare([long, slow])
  expect(equalStep).toBe(650)
  expect(equalSeconds).toBe(81) // long: 1000 steps of 0.081 s
  expect(runs[0].atEqualStep!.step).toBe(600)
  expect(runs[1].atEqualStep!.step).toBe(650)
  expect(runs[0].atEqualTime!.step).toBe(1000)
  expect(runs[1].atEqualTime!.step).toBe(520)
  expect(runs.map(({ last }) => last!.step)).toEqual([1000, 650])
})

test('without an evaluation there is nothing to compare', () => {
  const none = pageRun(withoutEvaluations(runRecord()))
  const { equalStep, equalSeconds, runs } = compare([none, run({})])
  expect([equalStep, equalSeconds]).toEqual([null, null])
  expect(runs[0]).toEqual({ last: null, best: null, atEqualStep: null, atEqualTime: null })
  expect(runs[1]).toMatchObject({ best: { step: 3000 }, atEqualStep: null })
})

test('the options that differ are listed, also those that only some runs have', () => {
  const runs = [
    run({ options: { seed: 1, minutes: 3 } }),
    run({ options: { seed: 2 } }),
    run({ options: { seed: 2 } }),
  ]
  expect(compare(runs).differences).toEqual([
    { name: 'seed', values: [1, 2, 2] },
    { name: 'minutes', values: [3, null, null] },
  ])
  expect(compare([runs[1], runs[2]]).differences).toEqual([])
})

test('other tokenizers and other texts are noticed', () => {
  const one = run({})
  expect(compare([one, run({ folder: 'b' })])).toMatchObject({ sameTokens: true, sameText: true })
  expect(compare([one, run({ options: { tokenizer: 'byte' } })])).toMatchObject({
    sameTokens: false,
    sameText: true,
  })
  const other = { ...one, data: { ...one.data, digest: 'ab' } }
  expect(compare([one, other])).toMatchObject({ sameTokens: false, sameText: false })
})
