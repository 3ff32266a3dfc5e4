import { NanoGptError, reasonOf, show, suggest } from '../lib/errors'

test('an error has a code, a message and a cause', () => {
  const cause = new Error('deep')
  const error = new NanoGptError('shape', 'wrong', { cause })
  expect(error).toBeInstanceOf(Error)
  expect([error.name, error.code, error.message, error.cause]).toEqual([
    'NanoGptError',
    'shape',
    'wrong',
    cause,
  ])
})

test.each([
  ['shakespear', 'shakespeare'],
  ['Shakespeare', 'shakespeare'],
  ['tinyshakespeare', 'shakespeare'],
  ['mobydick', 'moby-dick'],
  ['moby', 'moby-dick'],
  ['mboy-dick', 'moby-dick'],
  ['', undefined],
  ['hamlet', undefined],
  ['x'.repeat(100_000), undefined],
])('suggest(%p) is %p', (word, expected) => {
  expect(suggest(word, ['shakespeare', 'moby-dick'])).toBe(expected)
})

test('show quotes strings, cuts long ones and names what has no short form', () => {
  expect(show('a\n')).toBe('"a\\n"')
  expect(show('x'.repeat(100), 3)).toBe('"xxx…"')
  expect([show(5n), show(null), show({}), show([]), show(Number.NaN), show(() => 1)]).toEqual([
    '5n',
    'null',
    'an object',
    'an array',
    'NaN',
    'a function',
  ])
})

test('reasonOf includes the cause, which is where fetch says what happened', () => {
  const cause = new Error('getaddrinfo ENOTFOUND example.test')
  expect(reasonOf(new TypeError('fetch failed', { cause }))).toBe(
    'fetch failed: getaddrinfo ENOTFOUND example.test',
  )
  expect(reasonOf('text')).toBe('text')
})
