import fc from 'fast-check'
import { CharTokenizer } from '../../lib/tokenizer/char'
import { tokenizerFromJSON } from '../../lib/tokenizer/from_json'
import type { Tokenizer } from '../../lib/tokenizer/tokenizer'

/** Any well-formed text, astral characters and combining marks included. */
const texts = fc.string({ unit: 'binary', minLength: 1 })

test('a token for each distinct character, in code point order', () => {
  const tokenizer = CharTokenizer.fromText('hello')
  expect(tokenizer.vocabSize).toBe(4)
  expect(tokenizer.encode('hole')).toEqual(Uint16Array.of(1, 3, 2, 0))
  expect(tokenizer.decode([1, 3, 2, 0])).toBe('hole')
  expect(tokenizer.encode('')).toEqual(new Uint16Array(0))
})

test('a surrogate pair is one character, and sorts behind U+FFFD although its halves are smaller', () => {
  const tokenizer = CharTokenizer.fromText('😀\uFFFDa')
  expect(tokenizer.toJSON()).toEqual({ type: 'char', characters: 'a\uFFFD😀' })
  expect([...tokenizer.encode('😀a😀')]).toEqual([2, 0, 2])
})

test('decode is the inverse of encode', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const tokenizer = CharTokenizer.fromText(text)
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
      expect(tokenizer.vocabSize).toBe(new Set(text).size)
    }),
  )
})

test('JSON brings the same tokenizer back', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const tokenizer = CharTokenizer.fromText(text)
      const again: Tokenizer = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)))
      expect(again.encode(text)).toEqual(tokenizer.encode(text))
      expect(again.toJSON()).toEqual(tokenizer.toJSON())
    }),
  )
})

test('more than 65,536 characters need 32 bits; 65,536 do not', () => {
  const codePoints = Array.from({ length: 65537 }, (_, i) => 0x10000 + i)
  const text =
    String.fromCodePoint(...codePoints.slice(0, 30000)) +
    codePoints
      .slice(30000)
      .map((c) => String.fromCodePoint(c))
      .join('')
  const large = CharTokenizer.fromText(text)
  const tokens = large.encode(text)
  expect(tokens).toBeInstanceOf(Uint32Array)
  expect(tokens[65536]).toBe(65536)
  const most = text.slice(0, -2)
  expect(CharTokenizer.fromText(most).encode(most)).toBeInstanceOf(Uint16Array)
})

test.each([
  ['aé', /^the character "é" \(U\+00E9\) at position 1 is not among the 1 that/],
  ['a\n', /^the character U\+000A at position 1/],
  ['a b', /^the character " " \(U\+0020\)/],
  ['a\u0301', /^the character U\+0301/],
  ['a😀', /^the character "😀" \(U\+1F600\)/],
])('encoding %j names the unknown character', (text, message) => {
  const tokenizer = CharTokenizer.fromText('a')
  expect(() => tokenizer.encode(text)).toThrow(message)
  expect(() => tokenizer.encode(text)).toThrow(expect.objectContaining({ code: 'unknown_character' }))
})

test('positions count characters, not UTF-16 units', () => {
  expect(() => CharTokenizer.fromText('😀').encode('😀😀x')).toThrow('at position 2')
})

test.each(['\uD83D', 'a\uDE00', '\uDE00\uD83D'])('half of a surrogate pair is refused (%j)', (text) => {
  expect(() => CharTokenizer.fromText(text)).toThrow(/half of a surrogate pair \(U\+D/)
  expect(() => CharTokenizer.fromText('a').encode(text)).toThrow('half of a surrogate pair')
})

test('an empty text has no vocabulary', () => {
  expect(() => CharTokenizer.fromText('')).toThrow('the text is empty')
})

test.each([-1, 2, 0.5, Number.NaN])('decoding the token %p names it', (token) => {
  const message = `token ${token} at position 1 is not in the vocabulary: ids go from 0 to 1`
  expect(() => CharTokenizer.fromText('ab').decode([0, token])).toThrow(message)
})

test.each([
  null,
  {},
  'char',
  { type: 'bpe' },
  { type: 'char' },
  { type: 'char', characters: '' },
  { type: 'char', characters: ['a'] },
  { type: 'char', characters: 'ba' },
  { type: 'char', characters: 'aa' },
  { type: 'char', characters: 'a\uD800' },
])('the damaged tokenizer %j is refused', (json) => {
  expect(() => tokenizerFromJSON(json)).toThrow(
    expect.objectContaining({ name: 'NanoGptError', code: 'tokenizer' }),
  )
})
