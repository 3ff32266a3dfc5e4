// Decides when evaluations, samples and checkpoints are due. This depends only on the plan and the
// step, so a resumed run has the same ones as a run that was never stopped.

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
