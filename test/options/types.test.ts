// Values of options: what each type accepts, and the error for what it rejects.

import fc from 'fast-check'
import { checkOptions, generateOptions, parseArgument, trainOptions } from '../../lib/options'
import type { OptionType } from '../../lib/options/types'
import {
  choice,
  fraction,
  limit,
  oneOrMore,
  path,
  real,
  seed,
  seedToJSON,
  text,
  whole,
} from '../../lib/options/types'

function check<T>(type: OptionType<T>, value: unknown): T {
  const row = { x: { type, group: 'data', help: '' } } as const
  return (checkOptions('f', row as never, { x: value }) as { x: T }).x
}
const refused = (type: OptionType, value: unknown): string => {
  try {
    check(type, value)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error(`it takes ${String(value)}`)
}

test.each<[string, OptionType, unknown, string]>([
  ['a fraction', whole(), 1.5, 'f: x is 1.5: must be a whole number'],
  ['a string of digits', whole(), '3', 'f: x is "3": must be a number'],
  ['zero', whole(), 0, 'f: x is 0: must be at least 1'],
  ['above the largest i32', whole(), 2 ** 31, 'f: x is 2147483648: must be at most 2^31 - 1'],
  ['NaN', real(), Number.NaN, 'f: x is NaN: must be a number'],
  ['infinity', real(), Infinity, 'f: x is Infinity: must be finite'],
  ['above the largest f32', real(), 1e39, 'f: x is 1e+39: must be at most 3.4e38, the largest f32 number'],
  [
    'too small for f32',
    real({ above: 0 }),
    1e-50,
    'f: x is 1e-50: must be at least 1.2e-38, the smallest normal f32 number',
  ],
  ['a decay of 1', fraction(), 1, 'f: x is 1: must be less than 1'],
  ['an unknown choice', choice(['a', 'b', 'c']), 'd', "f: x is \"d\": must be 'a', 'b' or 'c'"],
  ['an empty path', path('<dir>'), '', 'f: x is "": must be a path, but it is empty'],
  ['null', text, null, 'f: x is null: must be a string'],
  ['an empty array', oneOrMore(text, 'texts'), [], 'f: x is an array: must not be empty'],
  ['an array with a number', oneOrMore(text, 'texts'), ['a', 3], 'f: x is 3: must be a string'],
  [
    'a negative seed',
    seed,
    -1n,
    'f: x is -1: must be a whole number from 0 to 2^64 - 1; from 2^53 on, a bigint or a string of digits',
  ],
])('%s', (_, type, value, message) => {
  expect(refused(type, value)).toBe(message)
})

test.each<[string, string, object]>([
  ['epsilon', 'train', { epsilon: 1e-50 }],
  ['learningRate', 'train', { learningRate: 1e38 }],
  ['matrixLearningRate', 'train', { matrixLearningRate: 3e38 }],
  ['temperature', 'generate', { temperature: 1e39 }],
  ['topP', 'generate', { topP: 1e-300 }],
  ['repetitionPenalty', 'generate', { repetitionPenalty: 1e300 }],
])('%s outside the range of f32 is rejected by name', (name, where, given) => {
  const table = where === 'train' ? trainOptions : generateOptions
  expect(() => checkOptions(where, table, given)).toThrow(new RegExp(`^${where}: ${name} is `))
})

test('every accepted number above 0 is finite and above 0 in f32', () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      try {
        check(real({ above: 0 }), value)
      } catch {
        return
      }
      expect(Math.fround(value)).toBeGreaterThan(0)
      expect(Number.isFinite(Math.fround(value))).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('a limit is a number; Infinity or null is no limit', () => {
  expect([check(limit(), 2), check(limit(), Infinity), check(limit(), null)]).toEqual([2, null, null])
  expect(refused(limit(), 0)).toBe('f: x is 0: must be more than 0')
})

test('every form of a seed gives the same bigint, and JSON stores it exactly', () => {
  expect([check(seed, 7), check(seed, 7n), check(seed, '7')]).toEqual([7n, 7n, 7n])
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const json = JSON.parse(JSON.stringify(seedToJSON(value)))
      expect(check(seed, json)).toBe(value)
    }),
  )
})

test('parsing command-line arguments', () => {
  const parse = (type: OptionType, argument: string) => parseArgument('x', type, argument)
  expect([
    parse(whole(), '1e9'),
    parse(whole(), '+3'),
    parse(real(), '.5'),
    parse(seed, '18446744073709551615'),
  ]).toEqual([...[1e9, 3, 0.5, 2n ** 64n - 1n]])
  expect(parse(limit(), 'Infinity')).toBeNull()
  for (const [type, argument] of [
    [whole(), '1.5'],
    [whole(), '0x10'],
    [whole(), ''],
    [real(), '1,5'],
    [real(), 'NaN'],
    [seed, '-1'],
  ] as const) {
    expect(() => parse(type as OptionType, argument)).toThrow(/^x is ".*": must be a /)
  }
})

test('checkOptions returns a copy', () => {
  const data = { text: 'abc' }
  const list = [data, 'a.txt']
  const checked = checkOptions('train', trainOptions, { data: list })
  data.text = 'changed'
  list.push('b.txt')
  expect(checked.data).toEqual([{ text: 'abc' }, 'a.txt'])
})
