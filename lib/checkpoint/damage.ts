// The error for a damaged checkpoint.

import { NanoGptError } from '../errors'

/** @param problem what is wrong in the file: a clause */
export function damaged(file: string, problem: string, cause?: unknown): NanoGptError {
  const details = {
    subject: file,
    reason: `${file} is damaged: ${problem}`,
    remedy: 'copy it again from its source, or use another checkpoint of its run',
  }
  return new NanoGptError('damaged_checkpoint', details, cause === undefined ? undefined : { cause })
}
