// What is kept of a run: the rule depends on the step alone, and its size is bounded.

import fc from 'fast-check'
import { bucketOf, firstSteps, largestStep, Thinned } from '../../lib/history/buckets'

const step = fc.integer({ min: 0, max: largestStep })
const first = fc.constantFrom(2, 64, firstSteps)

test('a step is in its bucket, and so is every other step of the bucket', () => {
  fc.assert(
    fc.property(step, first, fc.double({ min: 0, max: 1, noNaN: true }), (at, n, part) => {
      const bucket = bucketOf(at, n)
      expect(bucket.from).toBeLessThanOrEqual(at)
      expect(bucket.to).toBeGreaterThan(at)
      const width = bucket.to - bucket.from
      expect(bucket.from % width).toBe(0)
      expect(bucketOf(bucket.from + Math.floor(part * (width - 1)), n)).toEqual(bucket)
    }),
  )
})

test('the first steps have a bucket each, and each doubling half as many', () => {
  const counted = (from: number, to: number) => {
    let count = 0
    for (let at = from; at < to; at = bucketOf(at, firstSteps).to) count++
    return count
  }
  expect(counted(0, firstSteps)).toBe(firstSteps)
  for (let from = firstSteps; from < 2 ** 20; from *= 2) expect(counted(from, 2 * from)).toBe(firstSteps / 2)
  expect(counted(0, 1_000_000)).toBe(3305)
})

test('a series keeps the first of each bucket, the newest and the best, in the order of steps', () => {
  const series = new Thinned<{ step: number; best: boolean }>(2, ({ best }) => best)
  for (let at = 0; at <= 21; at++) series.add({ step: at, best: at % 5 === 1 })
  expect(series.records.map((each) => each.step)).toEqual([0, 1, 2, 4, 8, 16, 21])
  series.add({ step: 22, best: false })
  expect(series.records.map((each) => each.step)).toEqual([0, 1, 2, 4, 8, 16, 21, 22])
})

test('a series of any records is bounded', () => {
  const series = new Thinned<{ step: number }>(4)
  for (let i = 0; i < 100_000; i++) series.add({ step: (i * 7919) % 1_000_003 })
  // Four, two for each of 18 doublings, and the newest.
  expect(series.records.length).toBeLessThanOrEqual(4 + 2 * 18 + 1)
})
