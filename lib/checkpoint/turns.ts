// Long work on the event loop's thread is done in turns, between which other events are handled.

import { setImmediate as nextTurn } from 'node:timers/promises'

/** The bytes of a turn: about a millisecond of work. */
export const bytesPerTurn = 1 << 20

/** Counts the bytes of a piece of work, however many tensors they belong to. */
export class Turns {
  private bytes = 0

  /** Call after working on so many bytes. Waits until other events are handled, if a turn is over. */
  async after(bytes: number): Promise<void> {
    this.bytes += bytes
    if (this.bytes < bytesPerTurn) return
    this.bytes = 0
    await nextTurn()
  }
}
