// The errors for a model whose training has diverged.

import { NanoGptError } from './error'

export const beforeDiverged = 'use a checkpoint from before training diverged'

/** The error for a model that computes a value that is not finite. */
export function diverged(where: string, what: string): NanoGptError {
  return new NanoGptError('non_finite', {
    where,
    reason: `${what}: the weights are not finite, or too large to compute with`,
    remedy: beforeDiverged,
  })
}
