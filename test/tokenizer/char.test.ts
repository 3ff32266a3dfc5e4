import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { type Tokenizer, tokenizerFromJSON } from '../../lib/tokenizer'
import { CharTokenizer } from '../../lib/tokenizer/char'

/** Any well-formed text, including astral characters and combining marks. */
const texts = fc.string({ unit: 'binary', minLength: 1 })

test('a token for each distinct character, in code point order', () => {
  const tokenizer = CharTokenizer.fromText('hello')
  expect(tokenizer.vocabSize).toBe(4)
  expect(tokenizer.encode('hole')).toEqual(Uint8Array.of(1, 3, 2, 0))
  expect(tokenizer.decode([1, 3, 2, 0])).toBe('hole')
  expect(tokenizer.encode('')).toEqual(new Uint8Array(0))
})

test('a surrogate pair is one character, and sorts after U+FFFD although its code units are smaller', () => {
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

test('JSON restores the same tokenizer', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const tokenizer = CharTokenizer.fromText(text)
      const again: Tokenizer = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)))
      expect(again.encode(text)).toEqual(tokenizer.encode(text))
      expect(again.toJSON()).toEqual(tokenizer.toJSON())
    }),
  )
})

test('65,536 characters fit in 16-bit tokens, one more requires 32 bits', () => {
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
  ['aé', /^the character "é" \(U\+00E9\) at position 1 is not in the vocabulary \(size 1\)/],
  ['a\n', /^the character U\+000A at position 1/],
  ['a b', /^the character " " \(U\+0020\)/],
  ['a\u0301', /^the character U\+0301/],
  ['a😀', /^the character "😀" \(U\+1F600\)/],
])('encoding %j: the error names the unknown character', (text, message) => {
  const tokenizer = CharTokenizer.fromText('a')
  expect(() => tokenizer.encode(text)).toThrow(message)
  expect(() => tokenizer.encode(text)).toThrow(expect.objectContaining({ code: 'unknown_character' }))
})

test('positions count characters, not UTF-16 code units', () => {
  expect(() => CharTokenizer.fromText('😀').encode('😀😀x')).toThrow('at position 2')
})

test.each(['\uD83D', 'a\uDE00', '\uDE00\uD83D'])('an unpaired surrogate is rejected (%j)', (text) => {
  expect(() => CharTokenizer.fromText(text)).toThrow(/an unpaired surrogate \(U\+D/)
  expect(() => CharTokenizer.fromText('a').encode(text)).toThrow('an unpaired surrogate')
})

test('an empty text is rejected', () => {
  expect(() => CharTokenizer.fromText('')).toThrow('the text is empty')
})

test.each<unknown>([-1, 2, 0.5, Number.NaN, 'length', '0', 0n, undefined])(
  'decoding the token %p: the error names it',
  (token) => {
    const tokenizer = CharTokenizer.fromText('ab')
    const message = /^token .* at position 1 is not in the vocabulary\. Token ids go from 0 to 1$/
    expect(() => tokenizer.decode([0, token as number])).toThrow(message)
    const decoder = tokenizer.decoder()
    decoder.push(0)
    expect(() => decoder.push(token as number)).toThrow(message)
    expect(() => tokenizer.decode([0, -1])).toThrow('token -1 at position 1')
  },
)

test('decode() accepts any array-like object, from any realm', () => {
  const tokenizer = CharTokenizer.fromText('abc')
  const kinds = [
    '[2, 0, 1]',
    ...['Uint8', 'Uint16', 'Uint32', 'Int32', 'Float32'].map((name) => `${name}Array.of(2, 0, 1)`),
  ]
  for (const kind of kinds) expect(tokenizer.decode(runInNewContext(kind))).toBe('cab')
  expect(tokenizer.decode({ length: 2, 0: 1, 1: 2 })).toBe('bc')
})

test.each([undefined, null, 5, {}, () => 0, new Set([0])])(
  'decode() rejects %p, which is not an array',
  (tokens) => {
    expect(() => CharTokenizer.fromText('ab').decode(tokens as never)).toThrow(
      /^tokens is .*: must be an array/,
    )
  },
)

test.each([undefined, null, 5, ['a']])('encode() rejects %p, which is not a string', (text) => {
  expect(() => CharTokenizer.fromText('ab').encode(text as never)).toThrow(/^text is .*: must be a string$/)
})

test('a decoder returns each token’s character immediately, and can be reused', () => {
  const tokenizer = CharTokenizer.fromText('a😀')
  const decoder = tokenizer.decoder()
  for (let round = 0; round < 2; round++) {
    expect([decoder.push(1), decoder.push(0), decoder.end()]).toEqual(['😀', 'a', ''])
  }
  expect(() => decoder.push(2)).toThrow('token 2 at position 0')
})

test('a text of one character', () => {
  const tokenizer = CharTokenizer.fromText('aaaa')
  expect(tokenizer.vocabSize).toBe(1)
  expect(tokenizer.decode(tokenizer.encode('aa'))).toBe('aa')
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
])('the damaged tokenizer %j is rejected', (json) => {
  expect(() => tokenizerFromJSON(json)).toThrow(
    expect.objectContaining({ name: 'NanoGptError', code: 'tokenizer' }),
  )
})
