// From tokens to text: stop strings, whatever the pieces that tokens come in.

import fc from 'fast-check'
import type { Draw } from '../../lib/generate/lane'
import { TextWriter } from '../../lib/generate/text'
import type { Tokenizer, TokenizerJSON } from '../../lib/tokenizer/tokenizer'

/** Tokens of one to three characters, as tokenizers that know words have them. */
const vocabulary = ['a', 'b', 'c', 'ab', 'ba', 'abc', 'caa', '\n', '😀']
const tokenizer: Tokenizer = {
  type: 'test',
  vocabSize: vocabulary.length,
  encode: () => new Uint16Array(),
  decode: (tokens) => Array.from(tokens, (token) => vocabulary[token]).join(''),
  toJSON: (): TokenizerJSON => ({ type: 'test' }),
}

const drawsOf = (tokens: readonly number[]): Draw[] =>
  tokens.map((token, i) => ({ token, logProbability: 0 - i }))

/** What comes out, piece by piece, of tokens that come in groups. */
function write(groups: readonly number[][], stop: string[]) {
  const writer = new TextWriter(tokenizer, stop)
  let at = 0
  const pieces = groups.map((group) => {
    const piece = writer.push(drawsOf(groups.flat()).slice(at, at + group.length))
    at += group.length
    return { ...piece, stopped: writer.stopped }
  })
  return { pieces, rest: writer.rest(), stopped: writer.stopped }
}

const tokens = fc.array(fc.nat(vocabulary.length - 1), { maxLength: 30 })
const stops = fc.array(
  fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
  { maxLength: 3 },
)

test('the text ends before the first stop string that is complete, however the tokens come', () => {
  fc.assert(
    fc.property(fc.array(tokens, { maxLength: 8 }), stops, (groups, stop) => {
      const all = groups.flat()
      // Token by token: the first after which the text holds a stop string ends it, before the earliest that it holds.
      let text = ''
      let expected: string | undefined
      for (const token of all) {
        text += vocabulary[token]
        const found = stop.map((it) => text.indexOf(it)).filter((it) => it >= 0)
        if (found.length > 0) {
          expected = text.slice(0, Math.min(...found))
          break
        }
      }
      const { pieces, rest, stopped } = write(groups, stop)
      const written = pieces.map((piece) => piece.text).join('') + rest.text
      expect(stopped).toBe(expected !== undefined)
      expect(written).toBe(expected ?? text)
      // Its tokens are those that begin in it, each with its own number.
      const kept = [...pieces, rest].flatMap((piece) => piece.tokens)
      expect(kept).toEqual(all.slice(0, kept.length))
      expect(tokenizer.decode(kept).startsWith(written)).toBe(true)
      expect(tokenizer.decode(kept.slice(0, -1)).length).toBeLessThan(Math.max(1, written.length))
      expect([...pieces, rest].flatMap((piece) => piece.logProbabilities)).toEqual(kept.map((_, i) => 0 - i))
    }),
    { numRuns: 2000 },
  )
})

test('text that cannot belong to a stop string is given out at once', () => {
  const { pieces } = write([[0], [1], [2], [0], [0]], ['bcb'])
  expect(pieces.map(({ text }) => text)).toEqual(['a', '', '', 'bca', 'a'])
  expect(write([[0, 1], [2]], []).pieces.map(({ text }) => text)).toEqual(['ab', 'c'])
})

test('what was held back comes at the end', () => {
  const { pieces, rest, stopped } = write([[0, 1], [2]], ['bcb'])
  expect(pieces.map(({ text }) => text)).toEqual(['a', ''])
  expect(rest.text).toBe('bc')
  expect(rest.tokens).toEqual([1, 2])
  expect(stopped).toBe(false)
})

test('a stop string within one token cuts it', () => {
  const { pieces, rest } = write([[0, 5, 2]], ['bc'])
  expect(pieces).toEqual([{ text: 'aa', tokens: [0, 5], logProbabilities: [0, -1], stopped: true }])
  expect(rest.text).toBe('')
})
