// Texts that are not loaded into memory: their chunks are the text that loadText() loads, and the file
// of tokens contains the tokens of the whole text.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { sha256 } from '../../lib/data/cache'
import { type LargeText, type LoadTextOptions, loadText, openText } from '../../lib/data/corpus'
import { decodeText } from '../../lib/data/decode'
import { limits } from '../../lib/data/read'
import { decodeStream } from '../../lib/data/stream'
import { tokensInFile } from '../../lib/data/token_file'
import type { NanoGptError } from '../../lib/errors'
import type { Tokenizer } from '../../lib/tokenizer'
import { BpeTokenizer } from '../../lib/tokenizer/bpe'
import { ByteTokenizer } from '../../lib/tokenizer/byte'
import { CharTokenizer } from '../../lib/tokenizer/char'
import { failureOf } from '../support/errors'
import { temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const usual = { ...limits }
afterEach(() => Object.assign(limits, usual))

let made = 0
function file(name: string, contents: string | Uint8Array): string {
  const path = folder.path(`${made++}-${name}`)
  writeFileSync(path, contents)
  return path
}

/** Opens a text as if it were too large for memory, in reads of a few bytes. */
async function opened(
  data: Parameters<typeof openText>[0],
  options: LoadTextOptions = {},
  perRead = 7,
): Promise<LargeText> {
  Object.assign(limits, { inMemory: 0, perRead })
  const text = await openText(data, { cache: folder.path('cache'), ...options })
  if ('text' in text) throw new Error('the text is in memory')
  return text
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) {
    // Each chunk is valid by itself.
    new TextDecoder('utf-8', { fatal: true }).decode(chunk)
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString('utf8')
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const piece = fc.constantFrom('a', 'é', '好', '😀', '\r', '\n', '\r\n', ' word', '\uFEFF')
const anyText = fc.array(piece, { minLength: 1, maxLength: 30 }).map((pieces) => `x${pieces.join('')}`)

describe('the chunks of a large text', () => {
  test('are what loadText() loads, with the same digest', async () => {
    const contents = fc
      .tuple(anyText, fc.constantFrom('utf8', 'marked', 'utf16le'))
      .map(([text, encoding]) => {
        if (encoding === 'utf16le') return Buffer.from(`\uFEFF${text}`, 'utf16le')
        return Buffer.from(encoding === 'utf8' ? text : `\uFEFF${text}`)
      })
    await fc.assert(
      fc.asyncProperty(
        fc.array(contents, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom('normalize' as const, 'keep' as const),
        fc.constantFrom(undefined, '', '--'),
        async (files, perRead, lineEndings, separator) => {
          const paths = files.map((bytes) => file('any.txt', bytes))
          const notices: [string[], string[]] = [[], []]
          const options = (i: number) => ({
            lineEndings,
            separator,
            notice: (message: unknown) => notices[i].push(String(message)),
          })
          const { text, parts, ...info } = await loadText(paths, options(0))
          const large = await opened(paths, options(1), perRead)
          expect(large).toMatchObject({ ...info, bytes: Buffer.byteLength(text) })
          expect(large.parts).toEqual(parts.map(({ name, source }) => ({ name, source })))
          expect(await whole(large.chunks())).toBe(text)
          expect(large.characters).toBe(
            [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!).join(''),
          )
          expect(text).toContain(large.sample.slice(0, 1))
          expect(notices[1]).toEqual(notices[0])
        },
      ),
      { numRuns: 60 },
    )
  })

  test.each([
    ['zero bytes', Buffer.from('abc\0def')],
    ['invalid bytes', Buffer.concat([Buffer.from('héllo '), Buffer.of(0xff), Buffer.from(' x')])],
    ['an incomplete character at the end', Buffer.from('abc😀').subarray(0, -1)],
    ['an odd UTF-16', Buffer.concat([Buffer.from('\uFEFFabc', 'utf16le'), Buffer.of(1)])],
    ['half a pair in UTF-16', Buffer.from('\uFEFFab\ud800c', 'utf16le')],
    ['a PDF', Buffer.from('%PDF-1.7 abc')],
  ])('%s: the error is that of the whole file, however it is cut', async (_, bytes) => {
    let expected: NanoGptError | undefined
    try {
      decodeText(bytes, { subject: 'x' })
    } catch (error) {
      expected = error as NanoGptError
    }
    for (const size of [1, 2, 3, 5, 100]) {
      const { code, message } = await failureOf(() =>
        whole(decodeStream(inPieces(bytes, size), { subject: 'x' })),
      )
      expect([code, message]).toEqual([expected!.code, expected!.message])
    }
  })

  test('bytes beyond those that tell the encoding are checked too', async () => {
    const start = 'é'.repeat(50_000)
    const damaged = [
      [`${start}\0`, 'not_text', 'a zero byte at 100000'],
      [Buffer.concat([Buffer.from(start), Buffer.of(0xc3)]), 'not_utf8', 'byte 100000 (0xC3)'],
    ] as const
    for (const [contents, code, message] of damaged) {
      const error = await failureOf(() => opened(file('late.txt', contents), {}, 4096))
      expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)])
    }
  })

  test('a long string is cut between characters', async () => {
    const long = `x${'😀'.repeat(600_000)}é`
    const large = await opened({ text: long })
    expect(await whole(large.chunks())).toBe(long)
  })

  test('a text that changes while it is read is an error', async () => {
    const path = file('changing.txt', 'hello hello')
    const large = await opened(path)
    writeFileSync(path, 'hello there')
    expect(await failureOf(() => whole(large.chunks()))).toMatchObject({ code: 'data' })
  })

  test('a pipe is read once, and its contents leave no file', async () => {
    const text = 'from a pipe, é\r\n'.repeat(50)
    Object.assign(limits, { inMemory: 100 })
    const cache = folder.path('spool')
    const input = Readable.from([Buffer.from(text.slice(0, 300)), Buffer.from(text.slice(300))])
    const large = (await openText('-', { input, cache })) as LargeText
    for (let time = 0; time < 2; time++)
      expect(await whole(large.chunks())).toBe(text.replaceAll('\r\n', '\n'))
    expect(large.parts).toEqual([{ name: 'standard input', source: null }])
    large.dispose()
    expect(readdirSync(cache)).toEqual([])
  })
})

describe('documents', () => {
  /** Loads it both ways. */
  async function both(data: string | readonly string[], options: LoadTextOptions = {}): Promise<string> {
    const { text } = await loadText(data, options)
    expect(await whole((await opened(data, options)).chunks())).toBe(text)
    Object.assign(limits, usual)
    return text
  }

  test('JSON Lines: the texts of the field, with blank lines between them', async () => {
    const lines = [
      '{"text":"one é","id":1}',
      '',
      '{"id":2,"text":"two\\nlines"}',
      '{"text":""}',
      '{"text":"three"}',
    ]
    for (const end of ['', '\n', '\r\n'])
      expect(await both(file('a.jsonl', lines.join('\n') + end))).toBe('one é\n\ntwo\nlines\n\nthree')
    const other = file('b.ndjson', '{"body":"x"}\n{"body":"y"}')
    expect(await both(other, { field: 'body', separator: '<|end|>' })).toBe('x<|end|>y')
    expect(await both([other, other], { field: 'body', separator: '|' })).toBe('x|y|x|y')
    expect(await both([other, other], { field: 'body' })).toBe('x\n\nyx\n\ny')
  })

  test.each([
    ['{"text":1}', /in line 1, the `field` "text" is 1, not a string\. No field of the line is a string$/],
    [
      '{"body":"x","title":"y"}',
      /in line 1, the `field` "text" is missing\. Give `field: 'body'` or another of its fields: title$/,
    ],
    ['{"text":"x"}\n[1]', /: line 2 is an array, not a JSON object\. Each line of a JSON Lines file must be/],
    ['{"text":"x"}\n{"text":', /: line 2 is not JSON: /],
    ['{"text":"\\ud800"}', /in line 1, the text has an unpaired surrogate/],
    ['{"toString":"x"}', /in line 1, the `field` "text" is missing/],
  ])('JSON Lines: %s is an error that names the line', async (contents, message) => {
    const path = file('bad.jsonl', contents)
    for (const load of [() => loadText(path), () => opened(path)])
      expect((await failureOf(load)).message).toMatch(message)
  })

  test('standard input is JSON Lines if a field is given', async () => {
    const lines = '{"a":"one"}\n{"a":"two"}\n'
    const input = () => Readable.from([Buffer.from(lines)])
    expect((await loadText('-', { input: input(), field: 'a' })).text).toBe('one\n\ntwo')
    expect((await loadText('-', { input: input() })).text).toBe(lines)
  })

  test('a folder: its text files in order, without hidden and binary ones', async () => {
    const root = folder.path('library')
    mkdirSync(join(root, 'b', '.git'), { recursive: true })
    const files = {
      'b/2.txt': 'two',
      'a.md': 'one',
      'c.jsonl': '{"text":"three"}\n{"text":"four"}',
      '.x': 'no',
    }
    for (const [name, contents] of Object.entries(files)) writeFileSync(join(root, name), contents)
    writeFileSync(join(root, 'b', '.git', 'config'), 'no')
    writeFileSync(join(root, 'empty.txt'), '')
    writeFileSync(join(root, 'image.png'), Buffer.from('\x89PNG\r\n\x1a\n\0\0', 'latin1'))
    const notices: string[] = []
    const notice = (message: unknown) => notices.push(String(message))
    expect(await both(root, { notice })).toBe('one\n\ntwo\n\nthree\n\nfour')
    expect(notices).toEqual(Array(2).fill(`${root}: 1 file is not text and left out: image.png`))
    const { parts, name } = await loadText(root)
    const wrong = await failureOf(() => loadText(root, { field: 'other' }))
    expect(wrong.message).toContain(`data is ${JSON.stringify(join(root, 'c.jsonl'))}: in line 1`)
    limits.files = 3
    expect((await failureOf(() => loadText(root))).message).toMatch(
      /a folder with more than 3 files and folders\./,
    )
    expect([name, parts[0].source]).toEqual(['library', root])
  })
})

describe('a file of tokens', () => {
  const text = 'The cat sat. Die Katze saß — 很好! 😀\n'.repeat(40)
  const tokenizers: [string, Tokenizer][] = [
    ['byte', new ByteTokenizer()],
    ['char', CharTokenizer.fromText(text)],
    ['bpe', BpeTokenizer.fromText(text, 300)],
  ]

  test.each(tokenizers)('%s: the tokens of the whole text, in the smallest type', async (name, tokenizer) => {
    const large = await opened(file('text.txt', text))
    const cache = folder.path(`tokens-${name}`)
    const corpus = await tokensInFile(large, tokenizer, { folder: cache })
    const expected = tokenizer.encode(text)
    expect(await corpus.read(0, corpus.length)).toEqual(expected)
    expect(await corpus.read(3, 9)).toEqual(expected.slice(3, 9))
    expect(corpus.dtype).toBe(name === 'bpe' ? 'u16' : 'u8')
    const [stored] = readdirSync(cache)
    const bytes = expected.BYTES_PER_ELEMENT * expected.length
    expect(sha256(readFileSync(join(cache, stored)).subarray(0, bytes))).toBe(
      sha256(new Uint8Array(expected.buffer, 0, bytes)),
    )
  })

  test('is used again, unless it is damaged', async () => {
    const short = 'abc d'
    const large = await opened(file('short.txt', short))
    const cache = folder.path('again')
    const notices: string[] = []
    let encoded = 0
    const get = () =>
      tokensInFile(large, new ByteTokenizer(), {
        folder: cache,
        notice: (message) => notices.push(message),
        progress: (bytes) => {
          encoded = bytes
        },
      })
    await get()
    expect(encoded).toBe(short.length)
    encoded = 0
    await get()
    expect([encoded, notices]).toEqual([0, []])
    const path = join(cache, readdirSync(cache)[0])
    const right = readFileSync(path)
    const damages = [
      ...Array.from(right, (_, at) => {
        const wrong = Buffer.from(right)
        wrong[at] ^= 1 << (at % 8)
        return wrong
      }),
      ...[0, 1, 11, 12, right.length - 1].map((length) => right.subarray(0, length)),
      Buffer.concat([right, right]),
    ]
    for (const wrong of damages) {
      writeFileSync(path, wrong)
      notices.length = 0
      const corpus = await get()
      expect(Buffer.from(await corpus.read(0, corpus.length)).toString()).toBe(short)
      expect(notices).toEqual([expect.stringContaining('is unusable and made again')])
    }
    expect(readFileSync(path).equals(right)).toBe(true)
  })

  test('two at once make the same file, and a failure leaves none', async () => {
    const large = await opened(file('two.txt', text))
    const cache = folder.path('two')
    const corpora = await Promise.all(
      [1, 2].map(() => tokensInFile(large, new ByteTokenizer(), { folder: cache })),
    )
    expect(corpora[0].from).toEqual(corpora[1].from)
    expect(readdirSync(cache)).toHaveLength(1)
    rmSync(cache, { recursive: true })
    const other = CharTokenizer.fromText('abc')
    expect(await failureOf(() => tokensInFile(large, other, { folder: cache }))).toMatchObject({
      code: 'unknown_character',
    })
    const stop = AbortSignal.abort()
    await expect(tokensInFile(large, other, { folder: cache, signal: stop })).rejects.toThrow('abort')
    expect(readdirSync(cache)).toEqual([])
  })

  test('old ones and those of killed processes are removed, others are not', async () => {
    const large = await opened(file('old.txt', text))
    const cache = folder.path('old')
    mkdirSync(cache)
    const ages = {
      [`${'a'.repeat(32)}.tokens`]: 31 * 24,
      [`${'b'.repeat(32)}.tokens`]: 29 * 24,
      [`.${'c'.repeat(32)}.tokens.0123456789ab.tmp`]: 2,
      [`.${'d'.repeat(32)}.tokens.0123456789ab.tmp`]: 0.5,
      'mine.txt': 1000,
    }
    for (const [name, hours] of Object.entries(ages)) {
      writeFileSync(join(cache, name), '')
      const then = new Date(Date.now() - hours * 3600 * 1000)
      utimesSync(join(cache, name), then, then)
    }
    await tokensInFile(large, new ByteTokenizer(), { folder: cache })
    expect(readdirSync(cache).map((name) => name.replace(/^\./, '')[0])).toEqual(
      expect.arrayContaining(['d', 'b', 'm']),
    )
    expect(readdirSync(cache)).toHaveLength(4)
  })
})

test('the command line reads escapes in a separator', async () => {
  const root = folder.path('cli')
  mkdirSync(root)
  for (const name of ['1.txt', '2.txt']) writeFileSync(join(root, name), 'ab '.repeat(100))
  const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js')
  const flags = [
    'train',
    '--data',
    root,
    '--separator',
    '<\\t>',
    '--preset',
    'bigram',
    '--steps',
    '1',
    '--no-out',
    '--dry-run',
    '--json',
  ]
  const plan = execFileSync(process.execPath, [main, ...flags, '--device', 'js'], { encoding: 'utf8' })
  expect(plan).toContain('"separator":"<\\t>"')
})
