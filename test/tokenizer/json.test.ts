import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { NanoGptError } from '../../lib/errors'
import { createTokenizer, nameOf, tokenizerFromJSON } from '../../lib/tokenizer'
import { Gpt2Tokenizer, gpt2Bytes } from '../../lib/tokenizer/gpt2'
import { JsonTokenizer } from '../../lib/tokenizer/json'
import { failureOf } from '../support/errors'
import { temporaryFolder } from '../support/runs'
import { expectRoundTrip } from '../support/tokenizers'

/** Small tokenizers, with the tokens of Hugging Face's library. Made by scripts/tokenizers/golden.py. */
// biome-ignore lint/suspicious/noExplicitAny: the JSON of files, in which tests change parts
type Json = any
const { texts, ...golden }: Json = JSON.parse(readFileSync(join(__dirname, 'json.golden.json'), 'utf8'))
const names = Object.keys(golden)
const tokenizers = new Map(names.map((name) => [name, JsonTokenizer.fromFile(golden[name].file, `/${name}`)]))

/** A copy of a file with other values. */
function changed(name: string, change: (file: Json) => void): Json {
  const file = structuredClone(golden[name].file)
  change(file)
  return file
}

test.each(names)('%s: tokens are those of Hugging Face, and survive a checkpoint', (name) => {
  const tokenizer = tokenizers.get(name)!
  const restored = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)))
  expect(restored.vocabSize).toBe(tokenizer.vocabSize)
  expect(nameOf(restored)).toBe(`/${name}`)
  expect(JSON.stringify(restored)).toBe(JSON.stringify(tokenizer))
  texts.forEach((text: string, i: number) => {
    expect([text, Array.from(tokenizer.encode(text))]).toEqual([text, golden[name].tokens[i]])
    expect(Array.from(restored.encode(text))).toEqual(golden[name].tokens[i])
    expect(Array.from(tokenizer.encodeBytes(Buffer.from(text)))).toEqual(golden[name].tokens[i])
  })
})

/** What a tokenizer decodes its own tokens to. */
const kept: Record<string, (text: string) => string> = {
  qwen2: (text) => text.normalize('NFC'),
  'qwen3.5': (text) => text.normalize('NFC'),
  llama2: (text) => text.replaceAll('▁', ' '),
  gemma: (text) => text.replaceAll('▁', ' '),
  tinyllama: (text) => text.replaceAll('▁', ' ').replace(/^ /, ''),
  metaspace: (text) => text.replaceAll('▁', ' ').replace(/^ /, ''),
}

test.each(names)(
  '%s: any text is decoded to itself, token by token in whole characters, and can be cut',
  (name) => {
    const tokenizer = tokenizers.get(name)!
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom(' ', '  ', "'ll", '\n', 'the ', '▁', 'e\u0301', '<tool>', 'X'),
    )
    const some = fc.array(part, { maxLength: 20 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(some, fc.nat(), (text, where) => {
        expectRoundTrip(tokenizer, text, where, kept[name]?.(text) ?? text)
      }),
      { numRuns: 100 },
    )
  },
)

test('tokens that continue a text keep their space', () => {
  const tokenizer = tokenizers.get('llama2')!
  const tokens = tokenizer.encode('the end')
  expect(tokenizer.decode(tokens)).toBe('the end')
  const continued = tokenizer.decoder(true)
  expect(Array.from(tokens, (token) => continued.push(token)).join('')).toBe(' the end')
})

test('special tokens are decoded, and no text is encoded to them', () => {
  const tokenizer = tokenizers.get('llama3')!
  const { id } = golden.llama3.file.added_tokens[0]
  expect(tokenizer.decode([id])).toBe('<|end|>')
  expect(Array.from(tokenizer.encode('a<|end|>'))).not.toContain(id)
  expect(tokenizer.decode(tokenizer.encode('a<|end|>'))).toBe('a<|end|>')
})

test("GPT-2's own file gives the tokens of the tokenizer gpt2", () => {
  const gpt2 = new Gpt2Tokenizer()
  const packed = brotliDecompressSync(readFileSync(join(__dirname, '../../lib/tokenizer/gpt2.bin')))
  // In the files, letters stand for bytes. A golden tokenizer has the 256 letters first, in another order.
  const { vocab } = golden.gpt2.file.model
  const letterOf = new Map(
    Object.keys(vocab).map((letter) => [tokenizers.get('gpt2')!.decode([vocab[letter]]), letter]),
  )
  const letters = gpt2Bytes.map((byte) =>
    byte < 0x80 ? letterOf.get(String.fromCharCode(byte))! : undefined,
  )
  const printable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
  let others = 0x100
  const tokens = gpt2Bytes.map((byte) => String.fromCharCode(printable(byte) ? byte : others++))
  letters.forEach((letter, i) => {
    if (letter !== undefined) expect(tokens[i]).toBe(letter)
  })
  const merges: string[] = []
  for (let at = 0; at < packed.length; at += 4) {
    const [left, right] = [packed.readUInt16LE(at), packed.readUInt16LE(at + 2)]
    merges.push(`${tokens[left]} ${tokens[right]}`)
    tokens.push(tokens[left] + tokens[right])
  }
  const file = changed('gpt2', (each) => {
    Object.assign(each.model, { vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges })
    each.added_tokens = [{ id: 50256, content: '<|endoftext|>', special: true }]
  })
  const tokenizer = JsonTokenizer.fromFile(file, '/gpt2')
  expect(tokenizer.vocabSize).toBe(50257)
  for (const text of texts) {
    expect(tokenizer.encode(text)).toEqual(gpt2.encode(text))
    expect(tokenizer.encodeBytes(Buffer.from(text))).toEqual(gpt2.encode(text))
  }
})

test('a file with a changed value is read or refused', () => {
  const values = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('ByteLevel', 'Metaspace', 'NFC', '▁', -1, 1e9, true),
  )
  let read = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.array(fc.nat(), { maxLength: 6 }),
      values,
      (name, path, value) => {
        const file = changed(name, (each) => {
          let at = each
          for (const step of path) {
            const keys = Object.keys(at)
            const key = keys[step % keys.length]
            if (typeof at[key] !== 'object' || at[key] === null || step === path.at(-1)) {
              at[key] = value
              return
            }
            at = at[key]
          }
        })
        try {
          const tokenizer = tokenizerFromJSON({ ...file, type: 'tokenizer.json', path: '/x' })
          tokenizer.decode(tokenizer.encode('It’s 12 <tool> 很好 \0😀'))
          read++
        } catch (error) {
          if (!(error instanceof NanoGptError) || error.code !== 'tokenizer') throw error
        }
      },
    ),
    { numRuns: 300 },
  )
  expect(read).toBeGreaterThan(20)
})

describe('a path', () => {
  const folder = temporaryFolder()

  test('of a file, or of its folder', async () => {
    const file = folder.path('tokenizer.json')
    writeFileSync(file, JSON.stringify(golden.llama2.file))
    for (const path of [file, join(file, '..')]) {
      const tokenizer = await createTokenizer(path, '', 0)
      expect(tokenizer.type).toBe('tokenizer.json')
      expect(nameOf(tokenizer)).toBe(file)
    }
  })

  test('of nothing, or of another file', async () => {
    const failure = async (path: string) => await failureOf(() => createTokenizer(path, '', 0))
    expect(await failure('bep')).toMatchObject({
      code: 'file_not_found',
      message:
        'tokenizer is "bep": neither a kind of tokenizer (char, byte, bpe, gpt2) nor an existing file or folder. Did you mean "bpe"?',
    })
    expect((await failure(folder.path('none'))).message).toContain('Give the path of a tokenizer.json')
    expect((await failure(__dirname)).message).toContain('the folder contains no tokenizer.json')
    writeFileSync(folder.path('text'), '{"a": ')
    const notJson = await failure(folder.path('text'))
    expect(notJson.code).toBe('tokenizer')
    expect(notJson.message).toContain('it is not valid JSON')
  })
})

const withNormalizer = (normalizer: Json) => changed('gpt2', (file) => Object.assign(file, { normalizer }))
const withPreTokenizer = (pre_tokenizer: Json) =>
  changed('gpt2', (file) => Object.assign(file, { pre_tokenizer }))
const withModel = (model: Json) => changed('gpt2', (file) => Object.assign(file.model, model))
const withAdded = (...added_tokens: Json[]) =>
  changed('gpt2', (file) => Object.assign(file, { added_tokens }))
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: false }

test.each<[Json, RegExp]>([
  [null, /it is null, not an object/],
  [{}, /its model is undefined, not an object/],
  [
    withModel({ type: 'WordPiece' }),
    /its model is of the type "WordPiece"; only BPE is supported\. Use one of a GPT-2, Llama/,
  ],
  [withModel({ type: 'Unigram' }), /the type "Unigram"/],
  [withModel({ dropout: 0.1 }), /the dropout 0\.1, which is not supported/],
  [withModel({ end_of_word_suffix: '</w>' }), /the end_of_word_suffix "<\/w>"/],
  [withModel({ vocab: [] }), /its vocabulary is an array, not an object/],
  [withModel({ vocab: { a: -1 } }), /its token "a" has the id -1/],
  [withModel({ vocab: { a: 2 ** 40 } }), /its token "a" has the id 1099511627776/],
  [withModel({ vocab: { a: 1, b: 1 } }), /two of its tokens have the id 1/],
  [withModel({ merges: 'a b' }), /its merges are "a b", not a list/],
  [withModel({ merges: [['a']] }), /merge 0 is not a pair of tokens/],
  [withModel({ merges: ['t h e'] }), /merge 0, "t h e", is not a pair/],
  [withModel({ merges: [['a', 'xyzzy']] }), /merge 0, of "a" and "xyzzy", is not in the vocabulary/],
  [withModel({ merges: ['t h', 't h'] }), /two of its merges are of the tokens 83 and 71/],
  [changed('gpt2', (file) => delete file.model.vocab['!']), /it has no token for the byte <0x21>/],
  [
    changed('gpt2', (file) => Object.assign(file.model.vocab, { far: 1_000_000 })),
    /its largest id is 1000000, but it has 369 tokens/,
  ],
  [withAdded({ id: 400, content: '', special: true }), /an added token is ""/],
  [withAdded({ id: 0, content: '<x>', special: true }), /its added token "<x>" has the id 0/],
  [
    withAdded({ id: 400, content: '<x>', special: false, lstrip: true }),
    /has lstrip, which is not supported/,
  ],
  [withNormalizer({ type: 'Lowercase' }), /its normalizer Lowercase is not supported/],
  [withNormalizer({ type: 'Sequence' }), /its normalizer is a Sequence without normalizers/],
  [
    withNormalizer({ type: 'Replace', pattern: { String: ' ' }, content: '▁' }),
    /it has both ByteLevel and ▁/,
  ],
  [withPreTokenizer(null), /it has neither a ByteLevel pre-tokenizer nor byte_fallback/],
  [withPreTokenizer({ type: 'Whitespace' }), /its pre-tokenizer Whitespace is not supported/],
  [
    withPreTokenizer({ ...byteLevel, add_prefix_space: true }),
    /it has add_prefix_space|has add_prefix_space, so a text could not be restored/,
  ],
  [
    withPreTokenizer({ type: 'Sequence', pretokenizers: [byteLevel, { type: 'Digits' }] }),
    /ByteLevel is not the last one/,
  ],
  [
    withPreTokenizer({
      type: 'Sequence',
      pretokenizers: [{ type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated' }, byteLevel],
    }),
    /splits by the unknown expression "\(a\+\)\+\$", which may take exponential time/,
  ],
  [
    withPreTokenizer({
      type: 'Sequence',
      pretokenizers: [{ type: 'Split', pattern: { Regex: '\\p{N}' }, behavior: 'Removed' }, byteLevel],
    }),
    /Split with the behavior "Removed" is not supported/,
  ],
])('a file that is refused: %#', async (file, message) => {
  const error = await failureOf(() => JsonTokenizer.fromFile(file, '/some/tokenizer.json'))
  expect(error.code).toBe('tokenizer')
  expect(error.message).toMatch(message)
  expect(error.message).toContain('/some/tokenizer.json')
  const inCheckpoint = await failureOf(() =>
    tokenizerFromJSON({ ...file, type: 'tokenizer.json', path: '/x' }),
  )
  expect(inCheckpoint.code).toBe('tokenizer')
  expect(inCheckpoint.message).toContain('Use another checkpoint')
})

test('known expressions take linear time', () => {
  for (const name of names) {
    const tokenizer = tokenizers.get(name)!
    for (const run of ['a', 'A', ' ', '\n', '1', '.', 'é', '\u0301', "'", 'aA', ' \n', '. ']) {
      const text = run.repeat(8000)
      expect(tokenizer.decode(tokenizer.encode(text)).length).toBeGreaterThanOrEqual(text.length - 1)
    }
  }
})
