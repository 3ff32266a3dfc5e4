// An update that wrote a value that is not finite. The weights in memory are then unusable.

import type { Failure } from '../backend/backend'
import { NanoGptError, option, say } from '../errors'
import type { OptimizerName } from '../optim/names'
import { changesWeights } from '../optim/update'

/**
 * Whether a step failed because its update wrote a value that is not finite. Other steps that fail
 * leave the weights unchanged.
 */
export function isFailedUpdate({ code, phase, opName }: Failure): boolean {
  return code === 'non_finite' && phase === 1 && changesWeights(opName)
}

/** The error for a failed update. */
export function failedUpdate(step: number, { opName, buffer }: Failure): NanoGptError {
  const muon: OptimizerName = 'muon'
  const rate = option(opName === muon ? 'matrixLearningRate' : 'learningRate')
  return new NanoGptError('non_finite', {
    subject: `step ${step}`,
    reason:
      `the update (${opName}) wrote a value that is not finite to ${buffer}. ` +
      'The weights in memory are unusable and are not saved',
    remedy: say`resume the run with a lower ${rate} or ${option('gradientClip', 1)}`,
  })
}
