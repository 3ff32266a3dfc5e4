// Formats numbers and wraps lines.

import { bytes, columnsOf, cut, duration, plural, speeds, together, wrap } from '../../lib/cli/words'

test.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1000, '1.0 KB'],
  [999_600, '1.0 MB'],
  [45_230_000, '45.2 MB'],
  [640_000, '640 KB'],
  [12e9, '12.0 GB'],
])('%i bytes are %p', (value, expected) => expect(bytes(value)).toBe(expected))

test.each([
  [85e-6, '85.0 µs'],
  [0.0123, '12.3 ms'],
  [0.2504, '250 ms'],
  [1.5, '1.50 s'],
])('%f seconds are %p', (value, expected) => expect(duration(value)).toBe(expected))

test('speeds in tokens and bytes, without the bytes where a token is one', () => {
  expect(speeds(11_097, 36_100)).toEqual(['11,097 tokens/s (36.1 KB/s)', '11,097 tokens/s', '11,097/s'])
  expect(speeds(11_097, 11_120)).toEqual(['11,097 tokens/s', '11,097/s'])
})

test('East Asian characters and emoji take two columns, and combining marks none', () => {
  expect(['abc', 'é', 'e\u0301', '很好', '😀', '→'].map(columnsOf)).toEqual([3, 1, 1, 4, 2, 1])
})

test('a text that is too long ends with an ellipsis', () => {
  expect(cut('four', 4)).toBe('four')
  expect(cut('fours', 4)).toBe('fou…')
  expect(cut('很好很好', 4)).toBe('很…')
  expect(cut('x', 0)).toBe('…')
})

test('wrap breaks between words, but never within a phrase kept together', () => {
  expect(wrap('a bb ccc', 4)).toEqual(['a bb', 'ccc'])
  expect(wrap(`x ${together('--beta2 0.99')} y`, 6)).toEqual(['x', '--beta2 0.99', 'y'])
  expect(plural(1, 'step')).toBe('1 step')
})
