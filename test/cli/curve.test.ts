// Losses drawn as a line of bars.

import fc from 'fast-check'
import { asciiBars, bars, curve, resample, Series } from '../../lib/cli/curve'

test('falling and rising series', () => {
  expect(curve([8, 7, 6, 5, 4, 3, 2, 1], 8)).toBe('█▇▆▅▄▃▂▁')
  expect(curve([0, 1], 8)).toBe('▁█')
  expect(curve([0, 1, 2], 8, asciiBars)).toBe('_=#')
})

test('a single value and equal values get the middle bar', () => {
  expect(curve([3], 8)).toBe('▄')
  expect(curve([3, 3, 3], 8)).toBe('▄▄▄')
})

test('no values, no width, or no finite values', () => {
  expect(curve([], 8)).toBe('')
  expect(curve([1, 2], 0)).toBe('')
  expect(curve([NaN, Infinity], 8)).toBe('  ')
})

test('non-finite values are gaps and do not affect the scale', () => {
  expect(curve([2, NaN, 1, Infinity, -Infinity], 8)).toBe('█ ▁  ')
  expect(curve([4, NaN, NaN, NaN, 1, NaN], 3)).toBe('█ ▁')
})

test('resample averages neighbouring values and uses each of them once', () => {
  expect(resample([1, 2, 3], 5)).toEqual([1, 2, 3])
  expect(resample([1, 3, 5, 7], 2)).toEqual([2, 6])
  expect(resample([1, 2, 3, 4, 5], 2)).toEqual([1.5, 4])
  expect(resample([1, 3, NaN, NaN], 2)).toEqual([2, NaN])
})

test('a curve is never wider than `width` and uses only the given characters', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1e9, max: 1e9 })), fc.nat(200), (values, width) => {
      const line = curve(values, width)
      expect(line).toHaveLength(Math.min(values.length, width))
      for (const bar of line) expect(` ${bars}`).toContain(bar)
    }),
  )
})

test('a history covers a whole series in bounded memory', () => {
  const history = new Series(64)
  const values = Array.from({ length: 10_000 }, (_, index) => 10_000 - index)
  for (const value of values) history.push(value)
  expect(history.values.length).toBeGreaterThanOrEqual(32)
  expect(history.values.length).toBeLessThan(64)
  expect(curve(history.values, 8)).toBe(curve(values, 8))
  expect(Math.abs(history.values[0] - 10_000)).toBeLessThan(10_000 / 32)
})

test('a history keeps non-finite values as gaps', () => {
  const history = new Series(4)
  for (const value of [NaN, NaN, NaN, NaN, 2, 4]) history.push(value)
  expect(history.values).toEqual([NaN, NaN, 3])
})
