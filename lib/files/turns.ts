// Long work in slices, between which other events are handled.

import { setImmediate as nextTurn } from 'node:timers/promises'

/** Runs work that yields every few milliseconds, and handles other events at each yield. */
export async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
    await nextTurn()
  }
}

/** Runs the same work without a pause. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}
