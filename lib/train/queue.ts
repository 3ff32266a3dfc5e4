// Events from a run to one reader. Training never waits for a reader: consecutive unread step
// events are merged, and only a limited number of unread events is kept.

import { merge, type TrainEvent } from './events'

/** What happens to unread events. */
export interface Unread<Event> {
  /** Merges two consecutive events; undefined if both must be read. */
  merge(earlier: Event, later: Event): Event | undefined
  /** Whether an event describes the run and is never dropped. */
  isKept(event: Event): boolean
}

/** The largest number of unread events. */
const maxUnread = 10_000

/** The events before the first step. */
const describesRun: ReadonlySet<TrainEvent['type']> = new Set([
  'notice',
  'fallback',
  'encoding',
  'measuring',
  'start',
])

export const unreadTraining: Unread<TrainEvent> = { merge, isKept: ({ type }) => describesRun.has(type) }

export class EventQueue<Event> {
  private readonly events: Event[] = []
  private waiting: { resolve(next: IteratorResult<Event, void>): void; reject(error: unknown): void }[] = []
  private ended: { error?: unknown; failed: boolean } | undefined

  constructor(private readonly unread: Unread<Event>) {}

  push(event: Event): void {
    if (this.ended) return
    const reader = this.waiting.shift()
    if (reader) {
      reader.resolve({ done: false, value: event })
      return
    }
    const last = this.events.at(-1)
    const merged = last && this.unread.merge(last, event)
    if (merged) this.events[this.events.length - 1] = merged
    else this.events.push(event)
    if (this.events.length > maxUnread) this.events.splice(this.oldestToDrop(), 1)
  }

  /** The index of the oldest event that may be dropped. */
  private oldestToDrop(): number {
    const first = this.events.findIndex((event) => !this.unread.isKept(event))
    return Math.max(0, first)
  }

  close(): void {
    this.end({ failed: false })
  }

  fail(error: unknown): void {
    this.end({ failed: true, error })
  }

  /**
   * The next event. After the last one it rejects once with the error that ended the run, if any,
   * and then reports the end.
   */
  next(): Promise<IteratorResult<Event, void>> {
    const event = this.events.shift()
    if (event) return Promise.resolve({ done: false, value: event })
    if (!this.ended) return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
    if (!this.ended.failed) return Promise.resolve({ done: true, value: undefined })
    const { error } = this.ended
    this.ended = { failed: false }
    return Promise.reject(error)
  }

  private end(how: { error?: unknown; failed: boolean }): void {
    if (this.ended) return
    this.ended = how
    const readers = this.waiting
    this.waiting = []
    readers.forEach(({ resolve, reject }, index) => {
      if (how.failed && index === 0) reject(how.error)
      else resolve({ done: true, value: undefined })
    })
    if (readers.length > 0 && how.failed) this.ended = { failed: false }
  }
}
