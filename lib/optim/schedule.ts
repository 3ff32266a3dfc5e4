// The values that change from step to step: learning rates and momentum. Each depends only on the
// step and the configuration.

import type { ScheduleName } from './names'

export interface ScheduleConfig {
  /** Total number of updates. */
  readonly steps: number
  readonly schedule: ScheduleName
  /** Number of updates over which the rate rises linearly to its full value. */
  readonly warmup: number
  /** The final rate, as a fraction of the full rate. */
  readonly finalLearningRateFraction: number
  /**
   * With 'wsd' (warm-up, stable, decay): the fraction of all steps, at the end, over which the rate
   * decays.
   */
  readonly decayFraction: number
}

/**
 * The factor on the learning rate at update `step` (from 0).
 *
 * During warm-up it is (step + 1) / (warmup + 1), so that no step has rate 0. After that it depends
 * on the schedule:
 *
 * - 'constant': 1
 * - 'cosine': half a cosine wave from 1 to `finalLearningRateFraction`
 * - 'linear': a straight line between the same values
 * - 'wsd': 1, then a straight line over the last `decayFraction` of the steps
 *
 * The final value belongs to update `steps`, one after the last. Later updates keep it.
 */
export function rateAt(step: number, config: ScheduleConfig): number {
  const { steps, schedule, warmup, finalLearningRateFraction: least, decayFraction } = config
  if (step < warmup) return (step + 1) / (warmup + 1)
  const begin = schedule === 'wsd' ? Math.max(warmup, steps * (1 - decayFraction)) : warmup
  if (schedule === 'constant' || step < begin) return 1
  const done = begin < steps ? Math.min(1, (step - begin) / (steps - begin)) : 1
  const left = schedule === 'cosine' ? (1 + Math.cos(Math.PI * done)) / 2 : 1 - done
  return least + (1 - least) * left
}

/** The value from which Muon's momentum is warmed up. */
const firstMomentum = 0.85

/**
 * Muon's momentum at update `step` (from 0). It rises linearly from 0.85 and reaches `momentum` at
 * update `momentumWarmup`.
 */
export function momentumAt(
  step: number,
  { momentum, momentumWarmup }: { readonly momentum: number; readonly momentumWarmup: number },
): number {
  if (step >= momentumWarmup) return momentum
  return firstMomentum + (momentum - firstMomentum) * (step / momentumWarmup)
}
