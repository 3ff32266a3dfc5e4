// The live lines: never wider than the terminal; the most important parts are dropped last.

import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { bars } from '../../lib/cli/curve'
import { layout, type Style, type View } from '../../lib/cli/layout'

/** Real escape sequences, so that a test fails if their length is counted as text. */
const paint = (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[0m`
const style: Style = { dim: paint(2), bold: paint(1), accent: paint(36), levels: bars, bar: ['━', '╌'] }

const view: View = {
  step: 1234,
  steps: 5000,
  loss: 1.8731,
  losses: Array.from({ length: 300 }, (_, index) => 1.8 + 3 / (1 + index)),
  tokensPerSecond: 12_345,
  bytesPerSecond: 12_345,
  secondsLeft: 151,
  evaluation: { step: 1000, trainLoss: 1.9, valLoss: 1.95, valBitsPerByte: 2.8125, best: true },
}

const unknown = { tokensPerSecond: NaN, bytesPerSecond: NaN, secondsLeft: NaN }

const shown = (given: View, width: number) =>
  layout(given, width, style).map((line) => stripVTControlCharacters(line))

test('80 columns', () => {
  expect(shown(view, 79)).toEqual([
    '━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  1,234/5,000  2:31 left  12,345 tokens/s',
    expect.stringMatching(
      /^loss 1\.873 {2}█[▁-█]{15} {2}at 1,000: training 1\.900 {2}validation 1\.950 \(best\)$/,
    ),
  ])
})

test('wider terminals show the speed in bytes, and bits per byte', () => {
  const [progress, learning] = shown({ ...view, bytesPerSecond: 39_876 }, 110)
  expect(progress).toMatch(/ 12,345 tokens\/s \(39\.9 KB\/s\)$/)
  expect(learning).toMatch(/ at 1,000: training 1\.900 {2}validation 1\.950 {2}2\.813 bits\/byte \(best\)$/)
})

test('narrower terminals drop the least important parts first', () => {
  expect(shown(view, 49)).toEqual([
    '━╌╌╌╌╌╌╌  1,234/5,000  2:31 left  12,345 tokens/s',
    expect.stringMatching(/^loss 1\.873 {2}█[▁-█]{11} {2}validation 1\.950 \(best\)$/),
  ])
  expect(shown(view, 34)).toEqual([
    '1,234/5,000  2:31 left  12,345/s',
    expect.stringMatching(/^loss 1\.873 {2}█[▁-█]{21}$/),
  ])
  expect(shown(view, 19)).toEqual(['1,234/5,000  2:31', expect.stringMatching(/^loss 1\.873 {2}█[▁-█]{6}$/)])
})

test('a short curve has one bar per loss', () => {
  const young = { ...view, losses: [4, 3, 2], evaluation: undefined }
  expect(shown(young, 79)[1]).toBe('loss 1.873  █▅▁')
  expect(shown({ ...young, losses: [4] }, 79)[1]).toBe('loss 1.873')
})

test('the activity replaces the last evaluation, and the loss if there is no room', () => {
  const evaluating = { ...view, activity: 'evaluating 37/400' }
  expect(shown(evaluating, 79)[1]).toMatch(/^loss 1\.873 {2}█[▁-█]{47} {2}evaluating 37\/400$/)
  expect(shown(evaluating, 29)[1]).toBe('loss 1.873  evaluating 37/400')
  expect(shown(evaluating, 28)[1]).toBe('evaluating 37/400')
  expect(shown(evaluating, 15)[1]).toBe('evaluating')
})

test('before the first step', () => {
  const nothing = { step: 0, steps: 5000, loss: NaN, losses: [], ...unknown }
  expect(shown(nothing, 79)).toEqual([`${'╌'.repeat(40)}  0/5,000`])
  expect(shown({ ...nothing, activity: 'evaluating 1/40' }, 19)).toEqual([
    '╌╌╌╌╌╌╌╌╌╌  0/5,000',
    'evaluating 1/40',
  ])
})

test('a curve that ends in non-finite losses has no trailing spaces', () => {
  const view = { step: 2, steps: 9, loss: 1, losses: [1, Infinity], ...unknown }
  expect(shown(view, 30)[1]).toBe('loss 1.000  ▄')
  expect(shown({ ...view, losses: [NaN, NaN] }, 30)[1]).toBe('loss 1.000')
})

const loss = fc.oneof(fc.double(), fc.double({ min: 0, max: 12, noNaN: true }))
const natural = fc.oneof(fc.nat(), fc.nat(10_000))

test('no line is wider than `width`, and the step and the loss are shown', () => {
  const views = fc
    .record({
      steps: natural.map((steps) => steps + 1),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      loss,
      losses: fc.array(loss, { maxLength: 300 }),
      tokensPerSecond: fc.double({ min: 0, max: 1e9 }),
      bytesPerSecond: fc.double({ min: 0, max: 1e9 }),
      secondsLeft: fc.double({ min: 0, max: 1e9 }),
      activity: fc.constantFrom(undefined, 'stopping …', 'evaluating 37/400', 'evaluating 123456/400000'),
      evaluation: fc.option(
        fc.record({
          ...{ step: natural, trainLoss: loss, valLoss: loss, valBitsPerByte: loss },
          best: fc.boolean(),
        }),
        {
          nil: undefined,
        },
      ),
    })
    .map(({ part, ...rest }) => ({ ...rest, step: Math.floor(part * rest.steps) }))
  fc.assert(
    fc.property(views, fc.integer({ min: 19, max: 200 }), (given, width) => {
      const lines = shown(given, width)
      expect(lines.length).toBeLessThanOrEqual(2)
      for (const line of lines) {
        expect(line.length).toBeLessThanOrEqual(width)
        expect(line).toBe(line.trim())
        // biome-ignore lint/suspicious/noControlCharactersInRegex: the lines must not contain them
        expect(line).not.toMatch(/[\x00-\x1f]/)
      }
      expect(lines[0]).toMatch(/\d/)
      if (given.activity) expect(lines.join()).toMatch(/evaluating|stopping/)
      else if (!Number.isNaN(given.loss)) expect(lines[1]).toMatch(/^loss /)
    }),
    { numRuns: 1000 },
  )
})
