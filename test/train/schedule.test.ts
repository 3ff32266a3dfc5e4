// When evaluations, samples and checkpoints are due. A run that was stopped and resumed has the
// same schedule.

import fc from 'fast-check'
import { dueAt, nextDue } from '../../lib/train/schedule'

const cadence = fc.record({
  steps: fc.integer({ min: 1, max: 60 }),
  evalInterval: fc.integer({ min: 1, max: 20 }),
  sampleInterval: fc.integer({ min: 0, max: 20 }),
  checkpointInterval: fc.integer({ min: 1, max: 20 }),
})

test('evaluations and samples are due at multiples and at the end, checkpoints at multiples above 0', () => {
  const plan = { steps: 10, evalInterval: 4, sampleInterval: 5, checkpointInterval: 6 }
  const steps = (what: 'evaluation' | 'sample' | 'checkpoint') =>
    Array.from({ length: 11 }, (_, step) => step).filter((step) => dueAt(step, plan)[what])
  expect(steps('evaluation')).toEqual([0, 4, 8, 10])
  expect(steps('sample')).toEqual([0, 5, 10])
  expect(steps('checkpoint')).toEqual([6])
})

test('without an interval there are no samples, not even at the end', () => {
  const plan = { steps: 3, evalInterval: 1, sampleInterval: 0, checkpointInterval: 1 }
  expect([0, 1, 2, 3].some((step) => dueAt(step, plan).sample)).toBe(false)
})

test('nextDue() returns the first later step at which anything is due', () => {
  fc.assert(
    fc.property(cadence, fc.nat(59), (plan, at) => {
      fc.pre(at < plan.steps)
      const next = nextDue(at, plan)
      expect(next).toBeGreaterThan(at)
      const isDue = (step: number) => Object.values(dueAt(step, plan)).some((due) => due)
      for (let step = at + 1; step < next; step++) expect(isDue(step)).toBe(false)
      expect(isDue(next)).toBe(true)
    }),
  )
})
