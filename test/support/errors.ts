// What a failure is in tests: an error of ours with a code, never a crash or a bug's TypeError.

import { NanoGptError } from '../../lib/errors'

/** The error that `work` ends with; fails if it doesn't. */
export async function failureOf(work: () => unknown): Promise<NanoGptError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof NanoGptError) return error
    throw error
  }
  throw new Error('expected an error')
}
