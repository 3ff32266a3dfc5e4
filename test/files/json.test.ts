// JSON from outside: what JSON.parse returns, except for repeated keys and excessive structures.

import fc from 'fast-check'
import { parseJson } from '../../lib/files/json'

test('any JSON is parsed as by JSON.parse', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      expect(parseJson(text)).toEqual(JSON.parse(text))
    }),
    { numRuns: 500 },
  )
})

test('a key with a special meaning in objects is a key', () => {
  const parsed = parseJson('{"__proto__":{"polluted":true},"constructor":1}') as object
  expect(Object.keys(parsed)).toEqual(['__proto__', 'constructor'])
  expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype)
  expect('polluted' in {}).toBe(false)
})

test.each([
  ['a repeated key', '{"a":1,"a":2}', 'the name "a" appears twice'],
  ['a repeated key, escaped', '{"a\\n":1,"\\u0061\\u000a":2}', 'the name "a\\n" appears twice'],
  ['a repeated key below', '[{"x":{"a":1,"b":[],"a":2}}]', 'the name "a" appears twice'],
  ['deep nesting', '['.repeat(1e6), 'it nests deeper than 16 levels'],
  ['many members', `[0${',0'.repeat(100_000)}]`, 'it has more than 100000 members'],
  ['many values', `[[0${',0'.repeat(1_000_000)}]]`, 'it has more than 1000000 values'],
])('%s is rejected', (_, text, message) => {
  expect(() => parseJson(text)).toThrow(message)
  expect(() => parseJson(text)).toThrow(SyntaxError)
})

test('keys of different objects may be equal', () => {
  expect(parseJson('[{"a":1},{"a":{"a":2}}]')).toEqual([{ a: 1 }, { a: { a: 2 } }])
})
