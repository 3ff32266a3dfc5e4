import fc from 'fast-check'
import { call, NanoGptError, option, reasonOf, type Surface, say, show, suggest } from '../../lib/errors'

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
  // Never half of a character, and nothing that turns the rest of the line around.
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

test('reasonOf includes the cause, which is where fetch says what happened', () => {
  const cause = new Error('getaddrinfo ENOTFOUND example.test')
  expect(reasonOf(new TypeError('fetch failed', { cause }))).toBe(
    'fetch failed: getaddrinfo ENOTFOUND example.test',
  )
  expect(reasonOf('text')).toBe('text')
})

/** A surface that shouts options, so that nothing of it can be taken for a user's text. */
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

  test('the library words it as code', () => {
    expect(error.message).toBe(
      'train: heads is 3: it must divide `embed`, which is 16. ' +
        "Take another, or `device: 'auto'`, or train({ resume: 'runs/a' })",
    )
    expect(error).toMatchObject({ code: 'option', option: 'heads', value: 3 })
    expect(error.reason).toBe('it must divide `embed`, which is 16')
  })

  test('another surface words the same fields', () => {
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

  test('with() and adding() keep what they do not replace', () => {
    const added = error.with({ config: 'a.json' }).adding(say`And ${option('out')}`)
    expect(added.message).toMatch(
      /^train: heads is 3: .*\. And `out` \(options that were not given come from a\.json\)$/,
    )
    expect(added.cause).toBeInstanceOf(NanoGptError)
    expect(error.with({}, 'config').code).toBe('config')
  })

  test('a value that is missing', () => {
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

describe("a user's own strings appear as they are", () => {
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
  const isPlain = (text: string) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)

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

  test('as a value: between quotes, and escaped only where a terminal would act on it', () => {
    fc.assert(
      fc.property(tricky, (text) => {
        const { message } = new NanoGptError('option', { option: 'data', value: text, reason: 'no' })
        const both = text.includes('"') && text.includes("'")
        if (isPlain(text) && !both) expect(message).toContain(text)
        else expect(message).toContain(JSON.stringify(text))
      }),
    )
  })
})
