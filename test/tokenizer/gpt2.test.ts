import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { Gpt2Tokenizer } from '../../lib/tokenizer/gpt2'
import { failureOf } from '../support/errors'
import { expectRoundTrip } from '../support/tokenizers'

/** Texts with tiktoken's tokens. Made by scripts/tokenizers/gpt2.js. */
const golden = JSON.parse(readFileSync(join(__dirname, 'gpt2.golden.json'), 'utf8'))

const tokenizer = new Gpt2Tokenizer()

test.each<[string, number[]]>(golden)('the tokens of %j are those of tiktoken', (text, tokens) => {
  expect(Array.from(tokenizer.encode(text))).toEqual(tokens)
  expect(tokenizer.decode(tokens)).toBe(text)
})

test('the vocabulary is that of GPT-2', () => {
  expect(tokenizer.vocabSize).toBe(50257)
  expect(tokenizer.encode('Hello world')).toEqual(Uint16Array.of(15496, 995))
  expect(tokenizer.decode([50256])).toBe('<|endoftext|>')
  expect(Array.from(tokenizer.encode('<|endoftext|>'))).not.toContain(50256)
  expect(JSON.stringify(tokenizer)).toBe('{"type":"gpt2"}')
  // Every token of whole characters is encoded to itself, unless it has no piece of its own.
  let whole = 0
  for (let token = 0; token < 50256; token++) {
    const tokens = tokenizer.encode(tokenizer.decode([token]))
    if (tokens.length === 1 && tokens[0] === token) whole++
  }
  expect(whole).toBeGreaterThan(49_000)
})

test('any text is decoded to itself, token by token in whole characters, and can be cut', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.nat(), (text, where) => {
      expectRoundTrip(tokenizer, text, where)
    }),
    { numRuns: 300 },
  )
})

test('errors', async () => {
  expect((await failureOf(() => tokenizer.encode('a\udc00'))).code).toBe('lone_surrogate')
  expect((await failureOf(() => tokenizer.decode([50257]))).message).toContain('Token ids go from 0 to 50256')
})
