// What tests accept as a failure: a NanoGptError with a code, never a crash or a TypeError from a
// bug.

import { NanoGptError } from '../../lib/errors'

/** The error that `work` ends with; fails if it succeeds. */
export async function failureOf(work: () => unknown): Promise<NanoGptError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof NanoGptError) return error
    throw error
  }
  throw new Error('expected an error')
}
