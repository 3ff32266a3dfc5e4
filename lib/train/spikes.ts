// Finds spikes of the training loss: a sudden rise far above its usual range, after which a run often
// diverges.

import type { SpikeState } from '../history/lines'

/** The decay of the moving mean and variance: about the last 100 steps. */
const decay = 0.99
/** Steps before anything counts as unusual. */
const warmup = 50
/** A spike exceeds the mean by this many standard deviations, and by this fraction of the mean. */
const [deviations, fraction] = [6, 0.2]
/** Steps after a spike in which no other one is reported. */
const pause = 100

export interface Spike {
  readonly step: number
  readonly loss: number
  /** The moving mean before it. */
  readonly usual: number
}

export class SpikeDetector {
  private mean = 0
  private variance = 0
  private seen = 0
  private quietUntil = 0

  /** With it, another detector continues as this one would. */
  get state(): SpikeState {
    const { mean, variance, seen, quietUntil } = this
    return { mean, variance, seen, quietUntil }
  }

  restore(state: SpikeState): void {
    Object.assign(this, state)
  }

  /** @param loss the training loss of step `step`; NaN if it was skipped */
  observe(step: number, loss: number): Spike | undefined {
    if (Number.isNaN(loss)) return undefined
    const { mean: usual } = this
    const rise = loss - usual
    const isSpike =
      this.seen >= warmup && rise > deviations * Math.sqrt(this.variance) && rise > fraction * Math.abs(usual)
    this.seen++
    // The first losses weigh more, so that the mean does not start at 0.
    const weight = Math.max(1 - decay, 1 / this.seen)
    this.mean += weight * rise
    this.variance = (1 - weight) * (this.variance + weight * rise * rise)
    if (!isSpike || step < this.quietUntil) return undefined
    this.quietUntil = step + pause
    return { step, loss, usual }
  }
}
