// scripts/trend.js finds slow growth in noisy figures, as those of a long run are.

import fc from 'fast-check'

const { median, slopeOf } = require('../../scripts/trend')

const noise = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 100, maxLength: 100 })

test('median', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([10, 9])).toBe(9.5) // not as strings
})

test('the slope of a line is exact, though a quarter of its points are anywhere', () => {
  fc.assert(
    fc.property(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -1e6, max: 1e6 }), (slope, outlier) => {
      const points = Array.from({ length: 40 }, (_, x) => [x, x % 4 === 1 ? outlier : slope * x + 7])
      expect(slopeOf(points)).toBeCloseTo(slope, 9)
    }),
  )
})

test('noise as large as the growth hides no growth, and looks like none', () => {
  fc.assert(
    fc.property(noise, fc.constantFrom(0, 1), (values, growth) => {
      const points = values.map((value, x) => [x, growth * (x / 100) + value * value])
      expect(Math.abs(100 * slopeOf(points) - growth)).toBeLessThan(0.75)
    }),
    { seed: 1 },
  )
})

test('a figure that rises and falls at once, such as resident memory, does not grow', () => {
  const points = Array.from({ length: 200 }, (_, x) => [x, x % 10])
  expect(Math.abs(slopeOf(points))).toBeLessThan(0.005)
})
