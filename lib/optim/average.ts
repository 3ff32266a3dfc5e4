// An exponential moving average (EMA) of the weights over the training steps, used for evaluation
// and generation. It is less noisy than the weights themselves, which follow the most recent
// batches.

import type { Parameter } from '../graph/tensor'
import type { Trace } from '../graph/trace'
import { ema } from '../ops'

export const averagePrefix = 'average/'

/** The Store tensor of a parameter's average. */
export const averageName = (path: string) => `${averagePrefix}${path}`

/**
 * Records the op that moves the averages towards the current parameters. Input: averageDecay f32
 * [].
 */
export function followParameters(trace: Trace, parameters: readonly Parameter[]): void {
  const tensors = parameters.map((parameter) => ({
    average: trace.store(averageName(parameter.path), 'f32', parameter.shape),
    parameter: trace.parameter(parameter),
  }))
  ema(trace.input('averageDecay', 'f32', []), tensors)
}

/**
 * The decay to use after update `step` (from 0), corrected for bias. The average over all updates
 * so far is then Σ dⁱ·wᵢ / Σ dⁱ, where wᵢ are the weights i updates ago. The weights before the
 * first update do not contribute.
 *
 * @param decay d, in (0, 1)
 */
export function averageDecayAt(step: number, decay: number): number {
  return (decay * (1 - decay ** step)) / (1 - decay ** (step + 1))
}
