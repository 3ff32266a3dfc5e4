// The times of a training step: rounds, their order, and what ends them.

import { timeStep } from '../../lib/bench/roofline'
import type { Steps, Trainer } from '../../lib/train/trainer'
import { failureOf } from '../support/errors'

/** A trainer whose steps take as many milliseconds as `lengths` says, one after the other. */
function trainerOf(lengths: readonly number[], after: (call: number) => Partial<Steps> = () => ({})) {
  const calls: [step: number, count: number][] = []
  const clock = jest.spyOn(performance, 'now')
  let now = 0
  clock.mockImplementation(() => now)
  const trainer = {
    async steps(step: number, count: number) {
      const ms = lengths[Math.min(calls.length, lengths.length - 1)]
      calls.push([step, count])
      now += ms * count
      return { timings: [[(count * ms) / 2000], [(count * ms) / 4000]], ...after(calls.length) }
    },
  }
  return { trainer: trainer as unknown as Trainer, calls }
}
afterEach(() => jest.restoreAllMocks())

test('rounds of a quarter of a second, the fastest first, with their own times of ops', async () => {
  const { trainer, calls } = trainerOf([50, 50, 60, 40, 50])
  const rounds = await timeStep(trainer, 'it', 3)
  expect(rounds.map(({ ms }) => ms)).toEqual([40, 50, 60])
  expect(rounds[0].timings).toEqual([[20], [10]])
  expect(calls).toEqual([
    [0, 1],
    [1, 1],
    [2, 5],
    [7, 5],
    [12, 5],
  ])
})

test('a step that fails names what was measured', async () => {
  const failure = { code: 'non_finite', message: 'it is not finite' } as never
  const { trainer } = trainerOf([50], (call) => (call === 2 ? { failure } : {}))
  expect((await failureOf(() => timeStep(trainer, 'bench 09', 3))).message).toBe('bench 09: it is not finite')
})

test('a signal ends it after the steps in progress', async () => {
  const stopper = new AbortController()
  const reason = new Error('enough')
  const { trainer, calls } = trainerOf([50], (call) => {
    if (call === 3) stopper.abort(reason)
    return {}
  })
  await expect(timeStep(trainer, 'it', 3, stopper.signal)).rejects.toBe(reason)
  expect(calls).toHaveLength(3)
})
