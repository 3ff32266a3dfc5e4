// From tokens to text: stop strings and characters, however the tokens are grouped.

import fc from 'fast-check'
import type { SampledToken } from '../../lib/generate/kv_cache'
import { TextWriter } from '../../lib/generate/text'
import type { Tokenizer, TokenizerJSON } from '../../lib/tokenizer/tokenizer'

/** Tokens of one to three characters, as in a subword tokenizer. */
const vocabulary = ['a', 'b', 'c', 'ab', 'ba', 'abc', 'caa', '\n', '😀']
const tokenizer: Tokenizer = {
  type: 'char',
  vocabSize: vocabulary.length,
  encode: () => new Uint16Array(),
  decode: (tokens) => Array.from(tokens, (token) => vocabulary[token]).join(''),
  decoder: () => ({ push: (token) => vocabulary[token], end: () => '' }),
  bytesOf: (token) => Buffer.from(vocabulary[token]),
  toJSON: (): TokenizerJSON => ({ type: 'test' }),
}

const drawsOf = (tokens: readonly number[]): SampledToken[] =>
  tokens.map((token, i) => ({ token, logProbability: 0 - i }))

/** The pieces that are written for tokens that arrive in groups. */
function write(groups: readonly number[][], stop: string[], using = tokenizer) {
  const writer = new TextWriter(using, stop)
  let at = 0
  const pieces = groups.map((group) => {
    const piece = writer.push(drawsOf(groups.flat()).slice(at, at + group.length))
    at += group.length
    return { ...piece, stopped: writer.stopped }
  })
  return { pieces, rest: writer.rest(), stopped: writer.stopped }
}

/** By the definition: the text before the first completed stop string, character by character. */
function cut(text: string, stop: readonly string[]): string | undefined {
  let seen = ''
  for (const character of text) {
    seen += character
    const ends = stop.filter((it) => seen.endsWith(it)).map((it) => seen.length - it.length)
    if (ends.length > 0) return text.slice(0, Math.min(...ends))
  }
  return undefined
}

const tokens = fc.array(fc.nat(vocabulary.length - 1), { maxLength: 30 })
const stops = fc.array(
  fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
  { maxLength: 3 },
)

test('the text ends before the first completed stop string, however the tokens are grouped', () => {
  fc.assert(
    fc.property(fc.array(tokens, { maxLength: 8 }), stops, (groups, stop) => {
      const all = groups.flat()
      const text = tokenizer.decode(all)
      const expected = cut(text, stop)
      const { pieces, rest, stopped } = write(groups, stop)
      const written = pieces.map((piece) => piece.text).join('') + rest.text
      expect(stopped).toBe(expected !== undefined)
      expect(written).toBe(expected ?? text)
      // Its tokens are those that begin within it, each with its own log-probability.
      const kept = [...pieces, rest].flatMap((piece) => piece.tokens)
      expect(kept).toEqual(all.slice(0, kept.length))
      expect(tokenizer.decode(kept).startsWith(written)).toBe(true)
      expect(tokenizer.decode(kept.slice(0, -1)).length).toBeLessThan(Math.max(1, written.length))
      expect([...pieces, rest].flatMap((piece) => piece.logProbabilities)).toEqual(kept.map((_, i) => 0 - i))
    }),
    { numRuns: 2000 },
  )
})

test('the division into tokens does not affect which stop string ends the text', () => {
  const stop = ['abc', 'b']
  const texts = [[0, 1, 2], [3, 2], [0, 1], [5]].map((each) => {
    const { pieces, rest } = write([each], stop)
    return [...pieces, rest].map(({ text }) => text).join('')
  })
  expect(texts).toEqual(['a', 'a', 'a', 'a'])
})

test('text that cannot belong to a stop string is written immediately', () => {
  const { pieces } = write([[0], [1], [2], [0], [0]], ['bcb'])
  expect(pieces.map(({ text }) => text)).toEqual(['a', '', '', 'bca', 'a'])
  expect(write([[0, 1], [2]], []).pieces.map(({ text }) => text)).toEqual(['ab', 'c'])
})

test('text that was held back is written at the end', () => {
  const { pieces, rest, stopped } = write([[0, 1], [2]], ['bcb'])
  expect(pieces.map(({ text }) => text)).toEqual(['a', ''])
  expect(rest.text).toBe('bc')
  expect(rest.tokens).toEqual([1, 2])
  expect(stopped).toBe(false)
})

test('a stop string within a token cuts the text of the token', () => {
  const { pieces, rest } = write([[0, 5, 2]], ['bc'])
  expect(pieces).toEqual([{ text: 'aa', tokens: [0, 5], logProbabilities: [0, -1], stopped: true }])
  expect(rest.text).toBe('')
})

describe('byte-level tokens', () => {
  /**
   * Like a byte-level tokenizer. Token 256 is a pair of bytes that ends one character and begins
   * another. Token 257 has no text.
   */
  const bytesOf = (token: number) => (token === 257 ? [] : token === 256 ? [0xac, 0xe2] : [token])
  const ofBytes: Tokenizer = {
    type: 'byte',
    vocabSize: 258,
    encode: (text) => Uint16Array.from(Buffer.from(text)),
    decode: (tokens) => Buffer.from(Array.from(tokens).flatMap(bytesOf)).toString('utf8'),
    decoder: () => {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      return {
        push: (token) => decoder.decode(Uint8Array.from(bytesOf(token)), { stream: true }),
        end: () => decoder.decode(),
      }
    },
    bytesOf: (token) => Uint8Array.from(bytesOf(token)),
    toJSON: (): TokenizerJSON => ({ type: 'bytes' }),
  }
  const tokensOf = (text: string) => Array.from(ofBytes.encode(text))

  const character = fc.constantFrom('a', 'b', 'é', '€', '😀', '😁', '👩‍💻', '\uFFFD', '\uFEFF')
  const anyText = fc.array(fc.oneof(character, fc.string({ unit: 'binary' })), { maxLength: 20 })
  const text = anyText.map((parts) => parts.join(''))
  const stopStrings = fc.array(
    fc.array(character, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
    { maxLength: 3 },
  )
  /** The sizes of the groups into which a list is divided. The rest is one more group. */
  const cuts = fc.array(fc.nat(5), { maxLength: 200 })
  const grouped = (list: readonly number[], counts: readonly number[]) => {
    const groups: number[][] = []
    let at = 0
    for (const count of counts) {
      groups.push(list.slice(at, at + count))
      at += count
    }
    return [...groups, list.slice(at)]
  }

  test('the pieces are whole characters, up to the first completed stop string', () => {
    fc.assert(
      fc.property(text, stopStrings, cuts, (whole, stop, counts) => {
        const all = tokensOf(whole)
        const { pieces, rest, stopped } = write(grouped(all, counts), stop, ofBytes)
        const expected = cut(whole, stop)
        const written = [...pieces, rest].map((piece) => piece.text)
        expect(written.join('')).toBe(expected ?? whole)
        expect(stopped).toBe(expected !== undefined)
        for (const piece of written) {
          expect(piece).not.toMatch(/\p{Surrogate}/u)
          if (!whole.includes('\uFFFD')) expect(piece).not.toContain('\uFFFD')
        }
        // Each piece has exactly the tokens of its text, each with its own log-probability.
        const kept = [...pieces, rest].flatMap((piece) => piece.tokens)
        expect(kept).toEqual(all.slice(0, kept.length))
        expect([...pieces, rest].flatMap((piece) => piece.logProbabilities)).toEqual(
          kept.map((_, i) => 0 - i),
        )
        expect(ofBytes.decode(kept)).toBe(written.join(''))
        if (!stopped) for (const piece of pieces) expect(ofBytes.decode(piece.tokens)).toBe(piece.text)
      }),
      { numRuns: 500 },
    )
  })

  test('any tokens, valid or not, give the same text as decoding them all at once', () => {
    const anyTokens = fc.array(
      fc.oneof(fc.nat(257), fc.constantFrom(0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 256, 257)),
    )
    fc.assert(
      fc.property(anyTokens, cuts, (all, counts) => {
        const { pieces, rest } = write(grouped(all, counts), [], ofBytes)
        expect([...pieces, rest].map((piece) => piece.text).join('')).toBe(ofBytes.decode(all))
        expect([...pieces, rest].flatMap((piece) => piece.tokens)).toEqual(all)
      }),
      { numRuns: 500 },
    )
  })

  test('a character is written with all its tokens once it is complete', () => {
    const { pieces } = write([[0xf0], [0x9f], [0x98], [0x80]], [], ofBytes)
    expect(pieces.map(({ text, tokens }) => [text, tokens.length])).toEqual([
      ['', 0],
      ['', 0],
      ['', 0],
      ['😀', 4],
    ])
    expect(pieces[3].logProbabilities).toEqual([0, -1, -2, -3])
  })

  test('a token that ends a character and begins another', () => {
    const { pieces } = write([[0xe2, 0x82], [256], [0x82, 0xac]], [], ofBytes)
    expect(pieces.map(({ text, tokens }) => [text, tokens])).toEqual([
      ['', []],
      ['€', [0xe2, 0x82, 256]],
      ['€', [0x82, 0xac]],
    ])
  })

  test('a token without text is written with the next text, or at the end', () => {
    const { pieces, rest } = write([[257], [0x61], [257]], [], ofBytes)
    expect(pieces.map(({ text, tokens }) => [text, tokens])).toEqual([
      ['', []],
      ['a', [257, 0x61]],
      ['', []],
    ])
    expect(rest).toEqual({ text: '', tokens: [257], logProbabilities: [-2] })
  })

  test('a text that ends within a character still has all its tokens', () => {
    const { rest } = write([[0x61, 0xf0, 0x9f]], [], ofBytes)
    expect([rest.text, rest.tokens]).toEqual(['\uFFFD', [0xf0, 0x9f]])
  })

  test('a stop string never matches part of a character, such as equal first or last bytes', () => {
    for (const [whole, stop] of [
      ['x😁', '😀'],
      ['x€', '₭'],
      ['xé', '©'],
    ]) {
      const { pieces, rest, stopped } = write([tokensOf(whole)], [stop], ofBytes)
      expect([stopped, [...pieces, rest].map((piece) => piece.text).join('')]).toEqual([false, whole])
    }
  })
})
