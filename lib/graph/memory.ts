// Arrays of JavaScript for which there may be no memory.

import { NanoGptError } from '../errors'

/** What V8 says of an array for which there is no memory, or that is longer than any may be. */
const noMemory = /array buffer allocation failed|invalid (typed )?array( buffer)? length/i

/**
 * The arrays that `make` allocates.
 *
 * @param what the arrays are for, in an error: 'the weight blocks.0.…'
 * @throws NanoGptError 'out_of_memory' if there is no memory for them
 */
export function allocating<T>(what: string, bytes: number, make: () => T): T {
  try {
    return make()
  } catch (error) {
    // By its name: in another realm RangeError is another class.
    const { name, message } = Object(error) as Error
    if (name !== 'RangeError' || !noMemory.test(message)) throw error
    throw new NanoGptError(
      'out_of_memory',
      { reason: `there is no memory for the ${bytes} bytes of ${what}` },
      { cause: error },
    )
  }
}
