// The machine's memory, and allocation of JavaScript arrays that reports a lack of memory as a
// NanoGptError.

import { totalmem } from 'node:os'
import { NanoGptError } from '../errors'

/** V8's messages for an array that does not fit in memory or exceeds the maximum length. */
const noMemory = /array buffer allocation failed|invalid (typed )?array( buffer)? length/i

/**
 * Calls `make`, which allocates arrays, and returns its result.
 *
 * @param what describes the arrays in an error: 'the weight blocks.0.…'
 * @param bytes the size of the arrays, for the error
 * @throws NanoGptError 'out_of_memory' if there is no memory for them
 */
export function allocating<T>(what: string, bytes: number, make: () => T): T {
  try {
    return make()
  } catch (error) {
    // Compare the name, since RangeError is a different class in another realm.
    const { name, message } = Object(error) as Error
    if (name !== 'RangeError' || !noMemory.test(message)) throw error
    throw new NanoGptError(
      'out_of_memory',
      { reason: `there is no memory for the ${bytes} bytes of ${what}` },
      { cause: error },
    )
  }
}

/** The memory that this process may use, in bytes: the machine's, or that of its container. */
export function memoryOfMachine(): number {
  const limits = [totalmem, () => process.constrainedMemory()].map(boundBy)
  return Math.min(...limits)
}

/** Infinity if the runtime does not know, or denies the question, as Deno does without a permission. */
function boundBy(limit: () => number): number {
  try {
    return limit() || Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** 1536 → `1.54 kB`. */
export function bytesInWords(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']
  let at = 0
  let value = bytes
  for (; value >= 1000 && at < units.length - 1; at++) value /= 1000
  return `${at === 0 ? value : value.toPrecision(3)} ${units[at]}`
}
