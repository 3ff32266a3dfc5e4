// The server of the studio: whom it answers, and what.

import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { openStudio } from '../../lib/studio/studio'
import { failureOf } from '../support/errors'
import { temporaryFolder } from '../support/runs'
import { type Client, studioIn } from './client'

const folder = temporaryFolder()
let client: Client & { reports: string[] }
beforeAll(async () => {
  client = await studioIn(folder.path('runs'))
})
afterAll(() => client.studio.close())

describe('whom it answers', () => {
  test('the page of the address in the terminal, which then has a cookie', async () => {
    const { pathname, search } = new URL(client.studio.url)
    const first = await client.ask(pathname + search, { headers: { Cookie: undefined, Origin: undefined } })
    expect(first.status).toBe(200)
    expect(first.body).toContain('<title>nano-gpt studio</title>')
    const [cookie] = first.headers['set-cookie']!
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/)
    const headers = { Cookie: cookie.split(';')[0], Origin: undefined }
    expect((await client.ask('/', { headers })).status).toBe(200)
    expect((await client.ask('/main.mjs', { headers })).status).toBe(200)
  })

  test.each([
    ['a name that leads here (DNS rebinding)', { Host: 'evil.example' }],
    ['another port', { Host: '127.0.0.1:1' }],
    ['no port', { Host: '127.0.0.1' }],
    ['another origin', { Origin: 'http://evil.example' }],
    ['the origin of a file, or of a sandbox', { Origin: 'null' }],
    ['another port as the origin', { Origin: 'http://127.0.0.1:1' }],
    ['a page of another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['a page on another port', { 'Sec-Fetch-Site': 'same-site' }],
  ])('not with %s', async (_, headers) => {
    for (const path of ['/main.mjs', '/api/events', '/api/run?id=x'])
      expect((await client.ask(path, { headers })).status).toBe(403)
    const posted = await client.ask('/api/stop', { method: 'POST', body: '{}', headers })
    expect(posted.status).toBe(403)
  })

  test.each([
    ['no token', { Cookie: undefined }],
    ['an empty token', { Cookie: 'nano-gpt-studio=' }],
    ['a wrong token', { Cookie: 'x=1; nano-gpt-studio-PORT=wrong' }],
    ['the token of another port', { Cookie: 'nano-gpt-studio-1=TOKEN' }],
  ])('not with %s', async (_, { Cookie }) => {
    const cookie = Cookie?.replace('PORT', String(client.port)).replace('TOKEN', client.token)
    for (const path of ['/', '/?token=wrong', '/main.mjs', '/modules/preact.mjs', '/api/events']) {
      const answer = await client.ask(path, { headers: { Cookie: cookie } })
      expect([path, answer.status]).toEqual([path, 401])
      expect(answer.body).toContain('Open the address that the terminal shows')
    }
    // The token in the address opens the page only.
    const headers = { Cookie: cookie }
    expect((await client.ask(`/api/events?token=${client.token}`, { headers })).status).toBe(401)
  })

  test('a change has to come from the page', async () => {
    const post = { method: 'POST', body: '{}' }
    expect((await client.ask('/api/stop', { ...post, headers: { Origin: undefined } })).status).toBe(403)
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
    expect((await client.ask('/api/stop', { ...post, headers: form })).status).toBe(415)
    expect((await client.ask('/api/stop', post)).status).toBe(200)
    expect((await client.ask('/api/stop')).status).toBe(404)
  })

  test('only this machine can connect', async () => {
    // Every address of 127.0.0.0/8 is this machine, but the server has one of them only.
    const error = await new Promise((resolve) => connect(client.port, '127.0.0.2').on('error', resolve))
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('what it sends', () => {
  test('no inline script but the import map, nothing of other origins, nothing framed', async () => {
    const { headers, body } = await client.ask('/')
    const policy = headers['content-security-policy']
    expect(policy).toContain("default-src 'none'")
    expect(policy).toMatch(/script-src 'self' 'sha256-[\w+/=]+';/)
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    expect(body.match(/<script[^>]*>(?!<)/g)).toEqual(['<script type="importmap">'])
    expect(body).not.toMatch(/https?:\/\//)
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
  })

  test('all modules that the page imports', async () => {
    const { body } = await client.ask('/')
    const { imports } = JSON.parse(/<script type="importmap">(.*?)<\/script>/.exec(body)![1])
    const waiting = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path)
    const seen = new Set(waiting)
    for (const path of seen) {
      const answer = await client.ask(path)
      expect([path, answer.status]).toEqual([path, 200])
      if (!answer.headers['content-type']!.startsWith('text/javascript')) continue
      for (const [, name] of answer.body.matchAll(/(?:from|import)\s*["']([^"']+)["']/g))
        seen.add(name.startsWith('./') ? name.slice(1) : imports[name])
    }
    expect(seen.size).toBeGreaterThan(20)
  })

  test.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2f..%2fpackage.json',
    '/page/../../studio.ts',
    '//etc/passwd',
    '/modules/../../../package.json',
    '/constructor',
    '/__proto__',
  ])('no file at %s', async (path) => {
    expect((await client.ask(path)).status).toBe(404)
  })

  test.each(['//', '/\\', 'http://[/'])('an address that is none is refused: %s', async (path) => {
    expect((await client.ask(path, { headers: { Cookie: undefined } })).status).toBe(400)
  })

  test.each(['../outside', '..', '.', '/etc', 'run/../../outside', '', 'missing', '__proto__'])(
    'no run called %j',
    async (id) => {
      mkdirSync(folder.path('outside'), { recursive: true })
      writeFileSync(folder.path('outside', 'config.json'), '{}')
      expect((await client.ask(`/api/run?id=${encodeURIComponent(id)}`)).status).toBe(404)
      expect((await client.post('/api/resume', { id })).status).toBe(404)
    },
  )

  test.each([
    ['no JSON', '{', 400],
    ['no object', '[]', 400],
    ['a text that is none', '{"text":{"name":1,"text":"x"}}', 400],
    ['a name that is too long', JSON.stringify({ text: { name: 'x'.repeat(201), text: 'x' } }), 400],
    ['options that are none', '{"options":[]}', 400],
    ['deep nesting', '['.repeat(100_000), 400],
    ['an option that is an object', '{"options":{"steps":{"toString":1}}}', 400],
    ['an option that is nested deeply', `{"options":{"steps":${'['.repeat(1e4)}${']'.repeat(1e4)}}}`, 400],
  ])('an error for %s', async (_, body, status) => {
    const answer = await client.ask('/api/start', { method: 'POST', body })
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body).error.message).toMatch(/^[A-Z].*\.$/)
  })

  test.each([
    [{ batchSize: '0' }, 'batchSize', 'batch size is 0: must be at least 1'],
    [{ batchSize: 'many' }, 'batchSize', 'batch size is "many": must be a whole number'],
    [{ schedule: 'cosin' }, 'schedule', 'schedule is "cosin": must be'],
  ])('the name of a field that is wrong: %j', async (options, option, message) => {
    const { status, body } = await client.post('/api/start', { options })
    expect(status).toBe(422)
    expect(body.error.option).toBe(option)
    expect(body.error.message).toContain(message)
  })

  test.each(['out', 'data', 'resume', 'signal', 'constructor', 'nonsense'])(
    'an option that is no field is rejected: %s',
    async (name) => {
      const { status, body } = await client.post('/api/start', { options: { [name]: '/tmp/x' } })
      expect(status).toBe(422)
      expect(body.error.message).toContain(`there is no option ${name}`)
      expect(body.error.message).not.toContain(`Did you mean “${name}”`)
    },
  )

  test('nothing of this was an error of the server', () => {
    expect(client.reports).toEqual([])
  })
})

describe('limits', () => {
  test('a body that is too large is not read', async () => {
    const length = String(33 << 20)
    const answer = await client
      .ask('/api/start', { method: 'POST', headers: { 'Content-Length': length } })
      .catch((error) => error)
    expect(answer.status ?? answer.code).toBe(413)
  })

  test('a body without a length ends at the limit', async () => {
    const socket = connect(client.port, '127.0.0.1')
    socket.resume()
    const head = Object.entries(client.headers).map(([name, value]) => `${name}: ${value}`)
    socket.write(`POST /api/start HTTP/1.1\r\n${head.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    const piece = 'x'.repeat(1 << 20)
    let wake = () => {}
    for (const event of ['error', 'drain', 'close']) socket.on(event, () => wake())
    let megabytes = 0
    // The system may discard the response, because it comes before the end of the body.
    for (; !socket.destroyed && megabytes < 500; megabytes++) {
      const isFull = !socket.write(`100000\r\n${piece}\r\n`)
      if (isFull)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
    expect(megabytes).toBeGreaterThanOrEqual(32)
    expect(megabytes).toBeLessThan(100)
    expect((await client.ask('/')).status).toBe(200)
  })

  test('connections', async () => {
    const small = await studioIn(folder.path('few'), { connections: 3 })
    const sockets = Array.from({ length: 3 }, () => connect(small.port, '127.0.0.1'))
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('connect', resolve))))
    await expect(small.ask('/')).rejects.toMatchObject({ code: 'ECONNRESET' })
    for (const socket of sockets) await new Promise((resolve) => socket.on('close', resolve).destroy())
    await expect(small.ask('/')).resolves.toMatchObject({ status: 200 })
    await small.studio.close()
  })
})

describe('the port', () => {
  test('the next free one, if it is taken', async () => {
    const other = await studioIn(folder.path('runs'), { port: client.port })
    expect(other.port).toBeGreaterThan(client.port)
    expect((await other.ask('/')).status).toBe(200)
    // Each studio has its own token.
    const headers = { Cookie: client.headers.Cookie }
    expect((await other.ask('/', { headers })).status).toBe(401)
    await other.studio.close()
  })

  test('an error, if none is free', async () => {
    const taken = createServer().listen(65_535, '127.0.0.1')
    await new Promise((resolve) => taken.on('listening', resolve))
    const error = await failureOf(() =>
      openStudio({
        port: 65_535,
        runs: folder.path('runs'),
        newFolder: () => '',
        command: () => '',
        report: () => {},
      }),
    )
    expect(error).toMatchObject({ code: 'option', option: 'port', value: 65_535 })
    expect(error.remedy).toContain('any free port')
    await new Promise((resolve) => taken.close(resolve))
  })

  test('free again after close, even with pages connected', async () => {
    const first = await studioIn(folder.path('runs'))
    const page = await first.listen()
    await first.studio.close()
    await page.closed
    const second = await studioIn(folder.path('runs'), { port: first.port })
    expect(second.port).toBe(first.port)
    await second.studio.close()
  })
})
