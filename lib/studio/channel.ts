// Live events to any number of pages, as server-sent events. A page that was away continues after the
// last event that it received, or gets a snapshot if that event is no longer kept. Training never
// waits for a page: events are kept in a buffer of limited size, and a page that does not read is
// disconnected.

import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RequestError, startStream } from './respond'

/** The limits of a channel. Tests replace them. */
export interface ChannelLimits {
  /** The largest number of connected pages. */
  readonly pages: number
  /** The characters of past events that are kept. */
  readonly kept: number
  /** The bytes that a page may leave unread. */
  readonly unread: number
}

const usual: ChannelLimits = { pages: 32, kept: 1 << 20, unread: 1 << 20 }

/** The time between signs of life, in milliseconds. They reveal connections that are gone. */
const heartbeat = 15_000
/** The time after which a browser reconnects, in milliseconds. */
const retry = 1000

interface Sent {
  readonly number: number
  readonly text: string
}

export class Channel {
  /** Distinguishes the events of this process from those before a restart. */
  private readonly epoch = randomBytes(6).toString('hex')
  private readonly pages = new Set<ServerResponse>()
  private readonly past: Sent[] = []
  private pastLength = 0
  private number = 0
  private readonly limits: ChannelLimits
  private readonly timer: NodeJS.Timeout

  /** @param snapshot the state after all events so far, from which a new page starts */
  constructor(
    private readonly snapshot: () => unknown,
    limits: Partial<ChannelLimits> = {},
  ) {
    this.limits = { ...usual, ...limits }
    this.timer = setInterval(() => this.write(':\n\n'), heartbeat).unref()
  }

  /** The number of connected pages. */
  get size(): number {
    return this.pages.size
  }

  /** Sends an event to every page. */
  emit(type: string, data: unknown): void {
    const number = ++this.number
    const text = this.format(type, data)
    this.past.push({ number, text })
    this.pastLength += text.length
    while (this.pastLength > this.limits.kept) this.pastLength -= this.past.shift()!.text.length
    this.write(text)
  }

  /**
   * Connects a page: the events after `last`, or a snapshot, and then every new event.
   *
   * @param last the id of the last event that the page received, if any
   * @throws RequestError if too many pages are connected
   */
  connect(request: IncomingMessage, response: ServerResponse, last: string | undefined): void {
    if (this.pages.size >= this.limits.pages)
      throw new RequestError(503, 'Too many pages of the studio are open. Close one of them.')
    startStream(response)
    const missed = this.eventsAfter(last)
    response.write(`retry: ${retry}\n\n${missed ?? this.format('snapshot', this.snapshot())}`)
    this.pages.add(response)
    const leave = () => this.pages.delete(response)
    request.on('close', leave)
    response.on('close', leave).on('error', leave)
  }

  /** Disconnects all pages. */
  close(): void {
    clearInterval(this.timer)
    for (const page of this.pages) page.destroy()
    this.pages.clear()
  }

  /** undefined if some of the events are no longer kept. */
  private eventsAfter(last: string | undefined): string | undefined {
    const [epoch, digits] = (last ?? '').split('-')
    const number = Number(digits)
    if (epoch !== this.epoch || !Number.isSafeInteger(number) || number > this.number) return undefined
    if (number < this.number - this.past.length) return undefined
    return this.past
      .filter((sent) => sent.number > number)
      .map(({ text }) => text)
      .join('')
  }

  private format(type: string, data: unknown): string {
    return `id: ${this.epoch}-${this.number}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
  }

  private write(text: string): void {
    for (const page of this.pages) {
      if (page.writableLength <= this.limits.unread) page.write(text)
      else {
        this.pages.delete(page)
        page.destroy()
      }
    }
  }
}
