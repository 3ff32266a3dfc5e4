// A studio on a free port, and requests to it as a browser, or somebody else, makes them.

import { mkdirSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { cookieName } from '../../lib/studio/guard'
import { openStudio, type Studio, type StudioOptions } from '../../lib/studio/studio'

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: string
}

export class Client {
  readonly port: number
  readonly token: string

  constructor(readonly studio: Studio) {
    this.port = studio.port
    this.token = new URL(studio.url).searchParams.get('token')!
  }

  /** The headers of the studio's own page. */
  get headers(): Record<string, string> {
    return {
      Host: `127.0.0.1:${this.port}`,
      Origin: `http://127.0.0.1:${this.port}`,
      Cookie: `${cookieName(this.port)}=${this.token}`,
      'Content-Type': 'application/json',
    }
  }

  /** Headers that are undefined are left out. */
  open(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<IncomingMessage> {
    const all = Object.entries({ ...this.headers, ...headers }).filter(([, value]) => value !== undefined)
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port: this.port,
          path,
          method,
          headers: Object.fromEntries(all) as never,
          agent: false,
        },
        resolve,
      )
      asked.on('error', reject)
      asked.end(body)
    })
  }

  async ask(path: string, asked: Asked = {}): Promise<Answer> {
    const response = await this.open(path, asked)
    let body = ''
    for await (const chunk of response) body += chunk
    return { status: response.statusCode!, headers: response.headers, body }
  }

  /** The result of a call. */
  async post(path: string, body: unknown): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }> {
    const answer = await this.ask(path, { method: 'POST', body: JSON.stringify(body) })
    return { status: answer.status, body: JSON.parse(answer.body) }
  }

  /** Reads the live events. */
  async listen(last?: string): Promise<Listener> {
    const response = await this.open('/api/events', { headers: { 'Last-Event-ID': last } })
    return new Listener(response)
  }
}

export interface LiveEvent {
  readonly id: string
  readonly type: string
  readonly data: ReturnType<typeof JSON.parse>
}

export class Listener {
  readonly events: LiveEvent[] = []
  private rest = ''
  private waiting: (() => void)[] = []
  readonly closed: Promise<void>

  constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8').on('data', (chunk) => this.read(chunk))
    this.closed = new Promise((resolve) => response.on('close', resolve).on('error', () => {}))
  }

  /** The first event that fits, past or future. */
  async find(fits: (event: LiveEvent) => boolean): Promise<LiveEvent> {
    for (;;) {
      const found = this.events.find(fits)
      if (found) return found
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
  }

  close(): void {
    this.response.destroy()
  }

  private read(chunk: string): void {
    const blocks = `${this.rest}${chunk}`.split('\n\n')
    this.rest = blocks.pop()!
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
      const data = field('data')
      if (data !== undefined)
        this.events.push({ id: field('id')!, type: field('event')!, data: JSON.parse(data) })
    }
    for (const wake of this.waiting.splice(0)) wake()
  }
}

export interface OpenedStudio extends Client {
  readonly reports: readonly string[]
}

/** Opens a studio with runs in `folder`. */
export async function studioIn(
  folder: string,
  options: Partial<StudioOptions> = {},
): Promise<Client & { reports: string[] }> {
  const reports: string[] = []
  let count = 0
  const studio = await openStudio({
    port: 0,
    runs: folder,
    newFolder(name) {
      const path = join(folder, `${name.replace(/\W/g, '')}-${count++}`)
      mkdirSync(path, { recursive: true })
      return path
    },
    command: (...args) => args.join(' '),
    report: (message) => reports.push(message),
    ...options,
  })
  return Object.assign(new Client(studio), { reports })
}
