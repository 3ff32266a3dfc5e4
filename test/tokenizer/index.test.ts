import fc from 'fast-check'
import { NanoGptError } from '../../lib/errors'
import { createTokenizer, tokenizerFromJSON, tokenizerNames } from '../../lib/tokenizer'
import { bytesIn } from '../../lib/tokenizer/bits'

test.each(tokenizerNames)('the tokenizer %s is created by name and restored from its JSON', async (name) => {
  const text = 'To be, or not 😀\n'
  const tokenizer = await createTokenizer(name, text, 260)
  expect(tokenizer.type).toBe(name)
  const again = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)))
  expect(again.type).toBe(name)
  const tokens = again.encode(text)
  expect(tokens).toEqual(tokenizer.encode(text))
  // Decoding token by token gives the same text as decoding all at once.
  const decoder = tokenizer.decoder()
  expect(Array.from(tokens, (token) => decoder.push(token)).join('') + decoder.end()).toBe(
    again.decode(tokens),
  )
})

test.each(tokenizerNames)('%s: the bytes of its tokens are the text in UTF-8', async (name) => {
  const alphabet = fc.constantFrom('a', ' ', '\n', 'é', '很', '😀', '\uFEFF')
  await fc.assert(
    fc.asyncProperty(fc.array(alphabet, { minLength: 1 }), async (characters) => {
      const text = characters.join('')
      const tokenizer = await createTokenizer(name, text, 300)
      const tokens = tokenizer.encode(text)
      expect(Buffer.concat(Array.from(tokens, (token) => tokenizer.bytesOf(token)))).toEqual(
        Buffer.from(text),
      )
      expect(bytesIn(tokenizer, tokens)).toBe(Buffer.byteLength(text))
    }),
    { numRuns: 20 },
  )
  const tokenizer = await createTokenizer(name, 'abc', 300)
  for (const token of [-1, tokenizer.vocabSize, 0.5])
    expect(() => tokenizer.bytesOf(token)).toThrow(/^token .* is not in the vocabulary/)
})

test('JSON of an unknown type: the error lists the known types', () => {
  expect(() => tokenizerFromJSON({ type: 'wordpiece' })).toThrow(
    /^tokenizer\.type is "wordpiece": this version of nano-gpt reads "char" or "byte" or "bpe" or "gpt2" or "tokenizer\.json"\. Use the version that wrote it, or a newer one$/,
  )
})

test('any JSON gives a tokenizer or a NanoGptError', () => {
  const kind = fc.record({
    type: fc.oneof(fc.constantFrom(...tokenizerNames), fc.jsonValue()),
    characters: fc.jsonValue(),
  })
  const sorted = fc
    .string({ unit: 'binary', maxLength: 20 })
    .map((text) => ({ type: 'char', characters: [...new Set(text)].sort().join('') }))
  let read = 0
  fc.assert(
    fc.property(fc.oneof(kind, sorted, fc.jsonValue()), (json) => {
      try {
        const tokenizer = tokenizerFromJSON(json)
        read++
        expect([...tokenizer.encode(tokenizer.decode([0]))]).toEqual([0])
      } catch (error) {
        if (!(error instanceof NanoGptError)) throw error
        expect(error.code).toBe('tokenizer')
      }
    }),
    { numRuns: 500 },
  )
  expect(read).toBeGreaterThan(20)
})
