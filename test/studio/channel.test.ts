// Live events: a page that was away misses nothing and sees nothing twice, and a page that does not read
// is disconnected.

import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { Channel, type ChannelLimits } from '../../lib/studio/channel'
import type { RequestError } from '../../lib/studio/respond'
import { Client } from './client'

/** A channel whose state is the list of its events, and a client of it. */
class Subject {
  readonly sent: number[] = []
  readonly channel: Channel
  private readonly server: Server
  private client!: Client

  constructor(limits: Partial<ChannelLimits> = {}) {
    this.channel = new Channel(() => this.sent, limits)
    this.server = createServer((request, response) => {
      try {
        this.channel.connect(request, response, request.headers['last-event-id'] as string | undefined)
      } catch (error) {
        response.writeHead((error as RequestError).status).end()
      }
    })
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.client = new Client({ url: 'http://x/?token=x', port: this.port, close: async () => {} })
    return this
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  emit(padding = ''): void {
    this.sent.push(this.sent.length)
    this.channel.emit('number', { value: this.sent.length - 1, padding })
  }

  listen = (last?: string) => this.client.listen(last)
  ask = () => this.client.ask('/')

  async close(): Promise<void> {
    this.channel.close()
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

test('with any interruptions, a page knows each event once', async () => {
  const subject = await new Subject({ kept: 1000 }).open()
  const property = fc.asyncProperty(
    fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 6 }),
    async (away) => {
      let known: number[] = []
      let last: string | undefined
      for (const count of away) {
        const page = await subject.listen(last)
        subject.emit()
        const { value } = { value: subject.sent.length - 1 }
        await page.find(({ type, data }) =>
          type === 'snapshot' ? data.includes(value) : data.value === value,
        )
        for (const { id, type, data } of page.events) {
          known = type === 'snapshot' ? data : [...known, data.value]
          last = id
        }
        page.close()
        await page.closed
        for (let i = 0; i < count; i++) subject.emit()
      }
      const page = await subject.listen(last)
      subject.emit()
      const newest = subject.sent.length - 1
      await page.find(({ type, data }) =>
        type === 'snapshot' ? data.includes(newest) : data.value === newest,
      )
      for (const { type, data } of page.events) known = type === 'snapshot' ? data : [...known, data.value]
      expect(known).toEqual(subject.sent)
      page.close()
      await page.closed
    },
  )
  await fc.assert(property, { numRuns: 25 })
  await subject.close()
})

test('only the missing events after a short absence, a snapshot after a long one', async () => {
  const subject = await new Subject({ kept: 1000 }).open()
  subject.emit()
  const first = await subject.listen()
  const { id } = await first.find(({ type }) => type === 'snapshot')
  first.close()
  subject.emit()
  subject.emit()
  const second = await subject.listen(id)
  await second.find(({ data }) => data.value === 2)
  expect(second.events.map(({ type, data }) => [type, data.value])).toEqual([
    ['number', 1],
    ['number', 2],
  ])
  for (let i = 0; i < 100; i++) subject.emit()
  const third = await subject.listen(id)
  expect((await third.find(() => true)).type).toBe('snapshot')
  await subject.close()
})

test.each(['', '-', 'x', 'x-1', `${'0'.repeat(12)}-0`, '-1', 'NaN-NaN'])(
  'a snapshot after an event of another process: %j',
  async (last) => {
    const subject = await new Subject().open()
    subject.emit()
    const page = await subject.listen(last)
    expect(await page.find(() => true)).toMatchObject({ type: 'snapshot', data: [0] })
    await subject.close()
  },
)

test('an id of the future is of another process', async () => {
  const subject = await new Subject().open()
  const page = await subject.listen()
  const { id } = await page.find(() => true)
  const later = await subject.listen(id.replace(/-0$/, '-7'))
  expect((await later.find(() => true)).type).toBe('snapshot')
  await subject.close()
})

test('a page that does not read is disconnected, and the others are not', async () => {
  const subject = await new Subject({ unread: 100_000 }).open()
  const good = await subject.listen()
  const slow = await silent(subject.port)
  await until(() => subject.channel.size === 2)
  const padding = 'x'.repeat(50_000)
  // The system buffers some megabytes itself.
  for (let i = 0; subject.channel.size === 2 && i < 2000; i++) {
    subject.emit(padding)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(subject.channel.size).toBe(1)
  const newest = subject.sent.length - 1
  await good.find(({ data }) => data.value === newest)
  slow.destroy()
  await subject.close()
})

test('at most so many pages; one that leaves makes room', async () => {
  const subject = await new Subject({ pages: 2 }).open()
  const pages = [await subject.listen(), await subject.listen()]
  expect((await subject.ask()).status).toBe(503)
  pages[0].close()
  await until(() => subject.channel.size === 1)
  const third = await subject.listen()
  await third.find(({ type }) => type === 'snapshot')
  await subject.close()
})

/** A connection that asks for events and reads none. */
async function silent(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.pause()
  socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  return socket
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
