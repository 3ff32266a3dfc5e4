// Decides when evaluations, samples and checkpoints are due. This depends only on the plan and the
// step, so a resumed run has the same ones as a run that was never stopped.

import type { Done } from '../checkpoint/checkpoint'
import type { TrainingConfig } from '../options'

/** What is due at a step, before the next update. */
export interface Due {
  readonly evaluation: boolean
  readonly sample: boolean
  readonly checkpoint: boolean
}

type Cadence = Pick<TrainingConfig, 'steps' | 'evalInterval' | 'sampleInterval' | 'checkpointInterval'>

export function dueAt(
  step: number,
  { steps, evalInterval, sampleInterval, checkpointInterval }: Cadence,
): Due {
  const last = step === steps
  return {
    evaluation: step % evalInterval === 0 || last,
    sample: sampleInterval > 0 && (step % sampleInterval === 0 || last),
    checkpoint: step > 0 && step % checkpointInterval === 0,
  }
}

/** The next step after `step` at which something is due. */
export function nextDue(
  step: number,
  { steps, evalInterval, sampleInterval, checkpointInterval }: Cadence,
): number {
  const next = [evalInterval, sampleInterval, checkpointInterval]
    .filter((interval) => interval > 0)
    .map((interval) => (Math.floor(step / interval) + 1) * interval)
  return Math.min(steps, ...next)
}

/** The steps of the last evaluation and the last sample when a run has made `step` updates. */
export function lastDue(step: number, { steps, evalInterval, sampleInterval }: Cadence): Done {
  const last = (interval: number) => (step === steps ? step : step - (step % interval))
  return { evaluation: last(evalInterval), sample: sampleInterval > 0 ? last(sampleInterval) : null }
}
