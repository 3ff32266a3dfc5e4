// An average of the weights over the steps of training, with which the model is evaluated and used. It is steadier than the weights
// themselves, whose last steps follow the last batches.

import type { Parameter } from '../graph/tensor'
import type { Trace } from '../graph/trace'
import { ema } from '../ops'

export const averagePrefix = 'average/'

/** The Store tensor of a parameter's average. */
export const averageName = (path: string) => `${averagePrefix}${path}`

/** Records that the averages follow the parameters as they are now. Input: averageDecay f32 []. */
export function followParameters(trace: Trace, parameters: readonly Parameter[]): void {
  const tensors = parameters.map((parameter) => ({
    average: trace.store(averageName(parameter.path), 'f32', parameter.shape),
    parameter: trace.parameter(parameter),
  }))
  ema(trace.input('averageDecay', 'f32', []), tensors)
}

/**
 * What the average keeps of itself after update `step` (from 0), so that it is Σ dⁱ·(the weights i updates ago) / Σ dⁱ over all
 * updates so far: the weights before the first have no part in it.
 *
 * @param decay d, in (0, 1)
 */
export function averageDecayAt(step: number, decay: number): number {
  return (decay * (1 - decay ** step)) / (1 - decay ** (step + 1))
}
