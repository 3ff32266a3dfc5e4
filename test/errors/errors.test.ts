import fc from 'fast-check'
import { call, NanoGptError, option, reasonOf, type Surface, say, show, suggest } from '../../lib/errors'
import { escaped, hasControls } from '../support/errors'

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

test('show quotes strings, truncates long ones, and names objects by kind', () => {
  expect(show('a\n')).toBe('"a\\n"')
  expect(show('x'.repeat(100), 3)).toBe('"xxx…"')
  // A surrogate pair is never split. Control characters and those that change the direction of text
  // are escaped.
  expect([show('ab😀d', 3), show('ab😀d', 4)]).toEqual(['"ab…"', '"ab😀…"'])
  expect(show('a\u202eb\u2066"\u009b')).toBe('"a\\u202eb\\u2066\\"\\u009b"')
  expect([show(5n), show(null), show({}), show([]), show(Number.NaN), show(() => 1)]).toEqual([
    '5',
    'null',
    'an object',
    'an array',
    'NaN',
    'a function',
  ])
})

test('reasonOf includes the cause, which has the reason of a failed fetch', () => {
  const cause = new Error('getaddrinfo ENOTFOUND example.test')
  expect(reasonOf(new TypeError('fetch failed', { cause }))).toBe(
    'fetch failed: getaddrinfo ENOTFOUND example.test',
  )
  expect(reasonOf('text')).toBe('text')
})

test('reasonOf does not repeat a cause that the message contains', () => {
  const error = new NanoGptError('non_finite', 'the loss is not finite').adding(say`Nothing was saved`)
  expect(error.cause).toBeInstanceOf(NanoGptError)
  expect(reasonOf(error)).toBe(error.message)
})

test('a reason does not repeat control characters, which JSON.parse quotes from a file', () => {
  const text = '{"a":\u001b[2J\u202e}'
  const reason = reasonOf(attempt(() => JSON.parse(text)))
  expect(reason).toContain('\\u001b[2J\\u202e')
  expect(hasControls(reason)).toBe(false)
  expect(reasonOf(new Error('two\nlines'))).toBe('two\nlines')
})

function attempt(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

/** A surface with markers around its words, which distinguish them from a user's text. */
const loud: Surface = {
  option: (name, value) => (value === undefined ? `<<${name}>>` : `<<${name}=${value}>>`),
  call: (name, options) => `<<${name} ${Object.keys(options).join(' ')}>>`,
  inlineText: '<<text>>',
  namesFunction: false,
  subject: (name) => `<<${name}>>`,
}

describe('an error is data', () => {
  const error = new NanoGptError('option', {
    where: 'train',
    option: 'heads',
    value: 3,
    reason: say`it must divide ${option('embed')}, which is ${16}`,
    remedy: say`take another, or ${option('device', 'auto')}, or ${call('train', { resume: 'runs/a' })}`,
  })

  test('the library formats it as code', () => {
    expect(error.message).toBe(
      'train: heads is 3: it must divide `embed`, which is 16. ' +
        "Take another, or `device: 'auto'`, or train({ resume: 'runs/a' })",
    )
    expect(error).toMatchObject({ code: 'option', option: 'heads', value: 3 })
    expect(error.reason).toBe('it must divide `embed`, which is 16')
  })

  test('another surface formats the same fields', () => {
    expect(error.describe(loud)).toBe(
      '<<heads>> is 3: it must divide <<embed>>, which is 16. Take another, or <<device=auto>>, or <<train resume>>',
    )
    expect(error.fields(loud)).toEqual({
      option: '<<heads>>',
      value: 3,
      reason: 'it must divide <<embed>>, which is 16',
      remedy: 'take another, or <<device=auto>>, or <<train resume>>',
    })
  })

  test('with() and adding() keep the other fields', () => {
    const added = error.with({ config: 'a.json' }).adding(say`And ${option('out')}`)
    expect(added.message).toMatch(
      /^train: heads is 3: .*\. And `out` \(options that were not given come from a\.json\)$/,
    )
    expect(added.cause).toBeInstanceOf(NanoGptError)
    expect(error.with({}, 'config').code).toBe('config')
  })

  test('a missing value', () => {
    const missing = new NanoGptError('option', {
      where: 'load',
      option: 'path',
      value: undefined,
      reason: 'it is needed',
    })
    expect(missing.message).toBe('load: path is missing: it is needed')
    expect(missing.fields(loud)).toEqual({ option: '<<path>>', reason: 'it is needed' })
  })
})

describe("a user's strings appear verbatim", () => {
  const tricky = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }),
    fc.constantFrom(
      ...[
        'notes/trainSet.txt',
        'runs/gradientAccumulationSteps',
        'data is here',
        'train: x',
        '--text',
        '{ text }',
        "it's",
        'a "b"',
        'C:\\batchSize',
      ],
      ...['`heads`', 'options of train()', "device: 'auto'", 'learningRate'],
    ),
  )

  test('in the reason, the remedy and the subject, on every surface', () => {
    fc.assert(
      fc.property(tricky, (text) => {
        const error = new NanoGptError('data', {
          subject: text,
          reason: say`before ${text} after ${option('data')}`,
          remedy: say`or ${text}`,
        })
        for (const message of [error.message, error.describe(loud)])
          expect(message.split(text).length).toBeGreaterThan(3)
      }),
    )
  })

  test('as a value: quoted, and escaped only for control characters or mixed quotes', () => {
    fc.assert(
      fc.property(tricky, (text) => {
        const { message } = new NanoGptError('option', { option: 'data', value: text, reason: 'no' })
        const both = text.includes('"') && text.includes("'")
        if (!hasControls(text) && !both) expect(message).toContain(text)
        else expect(message).toContain(escaped(text))
      }),
    )
  })
})
