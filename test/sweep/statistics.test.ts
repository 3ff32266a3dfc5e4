// Statistics of a few measurements, against values computed with mpmath to 40 digits.

import fc from 'fast-check'
import { summarize, twoSided, welch } from '../../lib/sweep/statistics'

test('the mean and the standard deviation of a sample, with n − 1', () => {
  expect(summarize([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ count: 8, mean: 5, deviation: Math.sqrt(32 / 7) })
  expect(summarize([3.5])).toEqual({ count: 1, mean: 3.5, deviation: null })
})

test.each([
  [0, 5, 1],
  [0.5, 1, 0.7048327646991335],
  [2, 2, 0.18350341907227397],
  [3.5, 3.7, 0.02825098689418837],
  [1e-3, 4, 0.99925000015625],
  [12, 2.5, 0.002836215030078324],
  [40, 8, 1.6785718879145792e-10],
  [2, 100, 0.04821217873113368],
  [5, 1e4, 5.830326613662647e-7],
  [0.1, 0.9, 0.9378834523390198],
])('P(|T| ≥ %p) with %p degrees of freedom', (t, freedom, expected) => {
  expect(Math.abs(twoSided(t, freedom) / expected - 1)).toBeLessThan(1e-9)
})

// The second pair is the third example of the article on Welch's t-test in Wikipedia.
test.each([
  [[2.1034, 2.1101, 2.0977], [2.331, 2.3422, 2.3199], 5.3873811576818584e-5],
  [
    [27.5, 21, 19, 23.6, 17, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19, 21.7, 21.4],
    [27.1, 22, 20.8, 23.4, 23.4, 23.5, 25.8, 22, 24.8, 20.2, 21.9, 22.1, 22.9, 30.6, 26.9],
    0.00634320599135322,
  ],
])("Welch's t-test of %j and %j", (a, b, expected) => {
  expect(welch(summarize(a), summarize(b))).toBeCloseTo(expected, 12)
})

test('a single measurement says nothing; without any deviation, every difference is real', () => {
  const [one, same, other] = [[1], [2, 2], [3, 3]].map((values) => summarize(values))
  expect([welch(one, same), welch(same, one)]).toEqual([null, null])
  expect([welch(same, same), welch(same, other)]).toEqual([1, 0])
})

test('p is a probability, the same in both directions, and smaller for a larger difference', () => {
  const sample = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 6 })
  fc.assert(
    fc.property(sample, sample, (a, b) => {
      const [x, y] = [summarize(a), summarize(b)]
      const p = welch(x, y)!
      expect(p).toBeGreaterThanOrEqual(0)
      expect(p).toBeLessThanOrEqual(1)
      expect(welch(y, x)).toBeCloseTo(p, 12)
      const apart = { ...y, mean: y.mean + (y.mean >= x.mean ? 1 : -1) }
      expect(welch(x, apart)).toBeLessThanOrEqual(p + 1e-12)
    }),
  )
})
