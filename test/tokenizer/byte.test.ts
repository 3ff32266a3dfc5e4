import fc from 'fast-check'
import { ByteTokenizer } from '../../lib/tokenizer/byte'
import { failureOf } from '../support/errors'

const tokenizer = new ByteTokenizer()
const bytes = fc.array(fc.nat(255), { maxLength: 40 })

/** The pieces of a text that is decoded token by token. */
function pieces(tokens: ArrayLike<number>): string[] {
  const decoder = tokenizer.decoder()
  return [...Array.from(tokens, (token) => decoder.push(token)), decoder.end()]
}

test.each([
  ['né', [110, 195, 169]],
  ['😀', [240, 159, 152, 128]],
  ['\r\n\t\0', [13, 10, 9, 0]],
  ['\ufeffe\u0301', [239, 187, 191, 101, 204, 129]],
  ['', []],
])('%j is its bytes in UTF-8', (text, tokens) => {
  expect(Array.from(tokenizer.encode(text))).toEqual(tokens)
  expect(tokenizer.decode(tokens)).toBe(text)
})

test('any text is decoded to itself, in whole characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const tokens = tokenizer.encode(text)
      expect(tokens).toEqual(new Uint8Array(Buffer.from(text)))
      expect(tokenizer.decode(tokens)).toBe(text)
      expect(pieces(tokens).filter((piece) => piece !== '')).toEqual([...text])
    }),
    { numRuns: 1000 },
  )
})

test('bytes that are not UTF-8 become U+FFFD, all at once and one by one', () => {
  expect(tokenizer.decode([65, 255, 66])).toBe('A\ufffdB')
  expect(pieces([65, 240, 159])).toEqual(['A', '', '', '\ufffd'])
  expect(pieces([240, 65])).toEqual(['', '\ufffdA', ''])
  fc.assert(
    fc.property(bytes, (tokens) => {
      const text = tokenizer.decode(tokens)
      expect(text).toBe(Buffer.from(tokens).toString())
      expect(pieces(tokens).join('')).toBe(text)
    }),
    { numRuns: 1000 },
  )
})

test('a decoder can be used again after its end', () => {
  const decoder = tokenizer.decoder()
  expect(decoder.push(195) + decoder.end()).toBe('\ufffd')
  expect(decoder.push(195) + decoder.push(169) + decoder.end()).toBe('é')
})

test('errors name the place', async () => {
  expect(await failureOf(() => tokenizer.encode('ab\ud83d'))).toMatchObject({
    code: 'lone_surrogate',
    message: expect.stringContaining('an unpaired surrogate (U+D83D) at index 2'),
  })
  for (const wrong of [256, -1, 0.5, Number.NaN, '65', undefined]) {
    const tokens = [65, wrong] as number[]
    const message = /^token .+ at position 1 is not in the vocabulary\. Token ids go from 0 to 255$/
    expect(await failureOf(() => tokenizer.decode(tokens))).toMatchObject({
      code: 'unknown_token',
      message: expect.stringMatching(message),
    })
    expect((await failureOf(() => pieces(tokens))).message).toMatch(message)
  }
  expect((await failureOf(() => tokenizer.encode(7 as never))).message).toContain(
    'text is 7: must be a string',
  )
  expect((await failureOf(() => tokenizer.decode(7 as never))).message).toContain(
    'tokens is 7: must be an array',
  )
})
