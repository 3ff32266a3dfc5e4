// Allocation of JavaScript arrays that reports a lack of memory as a NanoGptError.

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
