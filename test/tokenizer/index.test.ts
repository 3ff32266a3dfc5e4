import { createTokenizer, tokenizerFromJSON, tokenizerNames } from '../../lib/tokenizer'

test.each(tokenizerNames)('the tokenizer %s is made by its name and comes back from its JSON', (name) => {
  const text = 'To be, or not 😀\n'
  const tokenizer = createTokenizer(name, text)
  expect(tokenizer.type).toBe(name)
  const again = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)))
  expect(again.type).toBe(name)
  const tokens = again.encode(text)
  expect(tokens).toEqual(tokenizer.encode(text))
  // Decoding in pieces gives what decoding at once does.
  const decoder = tokenizer.decoder()
  expect(Array.from(tokens, (token) => decoder.push(token)).join('') + decoder.end()).toBe(
    again.decode(tokens),
  )
})

test('JSON of another kind says which kinds there are', () => {
  expect(() => tokenizerFromJSON({ type: 'bpe' })).toThrow(
    /^tokenizer\.type is "bpe": this version of nano-gpt reads "char".*\. Use the version that wrote it, or a newer one$/,
  )
})
