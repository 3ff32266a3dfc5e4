// What changes from step to step: learning rates and momentum, each a function of the step and the number of steps alone.

import type { ScheduleName } from './names'

export interface ScheduleConfig {
  /** Updates in all. */
  readonly steps: number
  readonly schedule: ScheduleName
  /** Updates before the full rate, which is approached in equal steps. */
  readonly warmup: number
  /** What the rate comes to at the end, as a part of it. */
  readonly finalLearningRateFraction: number
  /** With 'wsd' (warm-up, stable, decay): the part of all steps, at the end, in which the rate decays. */
  readonly decayFraction: number
}

/**
 * The part of the learning rate that update `step` (from 0) is made with. Warm-up first, at no step with 0; then 'constant'; or from
 * 1 to `finalLearningRateFraction`, where the end would be update number `steps`, which isn't made: 'cosine' in half a wave, 'linear' in a
 * straight line, 'wsd' so over its last part. Beyond the end the rate stays what it is there.
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

/** Where Muon's momentum begins that is warmed up. */
const firstMomentum = 0.85

/** Muon's momentum at update `step` (from 0): in equal steps from 0.85 to `momentum`, which it has from update `momentumWarmup` on. */
export function momentumAt(
  step: number,
  { momentum, momentumWarmup }: { readonly momentum: number; readonly momentumWarmup: number },
): number {
  if (step >= momentumWarmup) return momentum
  return firstMomentum + (momentum - firstMomentum) * (step / momentumWarmup)
}
