// Learning rates, momentum and averages as functions of the step.

import { averageDecayAt } from '../../lib/optim/average'
import { momentumAt, rateAt, type ScheduleConfig } from '../../lib/optim/schedule'
import { stepInputs } from '../../lib/optim/update'
import { training } from '../support/models'

const constant: ScheduleConfig = {
  steps: 10,
  schedule: 'constant',
  warmup: 0,
  finalLearningRateFraction: 0,
  decayFraction: 0.2,
}
const rates = (config: Partial<ScheduleConfig>, length = config.steps ?? constant.steps) =>
  Array.from({ length }, (_, step) => rateAt(step, { ...constant, ...config }))

const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 12))

test('constant, after a warm-up', () => {
  expect(rates({ steps: 3 })).toEqual([1, 1, 1])
  // No step has a rate of 0, and the step after the warm-up is the first with the full rate.
  expect(rates({ steps: 6, warmup: 4 })).toEqual(near([0.2, 0.4, 0.6, 0.8, 1, 1]))
})

test('linear: equal steps from 1 to the final fraction', () => {
  expect(rates({ schedule: 'linear', steps: 5 })).toEqual(near([1, 0.8, 0.6, 0.4, 0.2]))
  expect(rates({ schedule: 'linear', steps: 5, finalLearningRateFraction: 0.5 })).toEqual(
    near([1, 0.9, 0.8, 0.7, 0.6]),
  )
  expect(rates({ schedule: 'linear', steps: 5, warmup: 1 })).toEqual(near([0.5, 1, 0.75, 0.5, 0.25]))
})

test('cosine: half a period', () => {
  expect(rates({ schedule: 'cosine', steps: 4 })).toEqual(
    near([1, 0.5 + Math.SQRT1_2 / 2, 0.5, 0.5 - Math.SQRT1_2 / 2]),
  )
  const tenth = rates({ schedule: 'cosine', steps: 2000, warmup: 100, finalLearningRateFraction: 0.1 })
  expect(tenth[100]).toBe(1)
  expect(tenth[1050]).toBeCloseTo(0.55, 12)
  expect(tenth[1999]).toBeCloseTo(0.1, 5)
})

test('wsd: constant, then a straight line over the last part', () => {
  expect(rates({ schedule: 'wsd', decayFraction: 0.4 })).toEqual(near([1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]))
  expect(rates({ schedule: 'wsd', decayFraction: 1, steps: 4 })).toEqual(near([1, 0.75, 0.5, 0.25]))
  // A warm-up that reaches into the decay is not cut short.
  expect(rates({ schedule: 'wsd', decayFraction: 0.8, warmup: 5 })).toEqual(
    near([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 0.8, 0.6, 0.4, 0.2]),
  )
})

test.each(['constant', 'cosine', 'linear', 'wsd'] as const)(
  '%s: with all that is odd about steps',
  (schedule) => {
    for (const warmup of [0, 1, 7, 10, 25]) {
      for (const finalLearningRateFraction of [0, 0.3, 1]) {
        for (const steps of [1, 2, 10]) {
          const all = rates({ schedule, steps, warmup, finalLearningRateFraction }, 40)
          for (const rate of all.slice(0, steps)) expect(rate).toBeGreaterThan(0)
          for (const rate of all) {
            expect(rate).toBeLessThanOrEqual(1)
            expect(rate).toBeGreaterThanOrEqual(Math.min(finalLearningRateFraction, 1 / (warmup + 1)))
          }
          // After the end the rate stays constant.
          expect(all[39]).toBe(schedule === 'constant' ? 1 : finalLearningRateFraction)
        }
      }
    }
  },
)

test('momentum rises from 0.85, in equal steps', () => {
  const at = (step: number, momentumWarmup: number) => momentumAt(step, { momentum: 0.95, momentumWarmup })
  expect([0, 1, 2, 3, 4, 5].map((step) => at(step, 4))).toEqual(near([0.85, 0.875, 0.9, 0.925, 0.95, 0.95]))
  expect(at(0, 0)).toBe(0.95)
})

test('the average of all weights so far gives earlier steps less weight', () => {
  const weights = [3, -1, 4, 1, -5]
  let average = 1000
  weights.forEach((weight, step) => {
    average += (1 - averageDecayAt(step, 0.7)) * (weight - average)
    const factors = weights.slice(0, step + 1).map((_, i) => 0.7 ** (step - i))
    const sum = factors.reduce((total, factor, i) => total + factor * weights[i], 0)
    expect(average).toBeCloseTo(sum / factors.reduce((a, b) => a + b), 10)
  })
  expect(averageDecayAt(100_000, 0.999)).toBeCloseTo(0.999, 12)
})

test('the inputs of a step: steps count from 1, both rates follow the schedule', () => {
  const config = {
    ...training,
    ...{ steps: 4, learningRate: 0.5, matrixLearningRate: 0.1, momentum: 0.95, momentumWarmup: 2 },
    ...({ schedule: 'linear', emaDecay: 0.9 } as const),
  }
  expect(stepInputs(1, config)).toEqual({
    step: 2,
    learningRate: expect.closeTo(0.375, 12),
    matrixLearningRate: expect.closeTo(0.075, 12),
    momentum: expect.closeTo(0.9, 12),
    averageDecay: expect.closeTo(0.9 / 1.9, 12),
  })
})
