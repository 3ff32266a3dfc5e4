// Measures the time and memory of a training step. The results of the steps are discarded.

import { NanoGptError } from '../errors'
import type { Materials, Plan } from './plan'
import { prepare } from './prepare'

/**
 * A third of the time is warm-up: the first steps are slower, because memory is touched for the
 * first time.
 */
const warmUpPart = 1 / 3
const mostStepsPerCall = 64

export interface Measured {
  /** Infinity if measuring was stopped before the first step. */
  readonly secondsPerStep: number
  /** Bytes of the temporary buffers of a step. */
  readonly activations: number
}

/**
 * Measures a training step of this plan.
 *
 * @param seconds approximate time to measure
 */
export async function measure(
  plan: Plan,
  materials: Materials,
  seconds: number,
  stopped?: AbortSignal,
): Promise<Measured> {
  const { session, trainer } = await prepare(plan, materials)
  try {
    let step = 0
    const run = async (until: number) => {
      const begun = step
      let spent = 0
      let perStep = Infinity
      // One step at least, and then as many as come closest to the given time.
      for (let count = 1; (step === begun || spent + perStep / 2 < until) && !stopped?.aborted; ) {
        const { losses, seconds: took, failure } = await trainer.steps(step, count)
        if (failure) throw new NanoGptError(failure.code, `measuring the device: ${failure.message}`)
        step += losses.length
        spent += took
        perStep = spent / (step - begun)
        count = Math.max(1, Math.min(2 * count, mostStepsPerCall, Math.round((until - spent) / perStep)))
      }
      return perStep
    }
    await run(warmUpPart * seconds)
    const secondsPerStep = await run((1 - warmUpPart) * seconds)
    return { secondsPerStep, activations: (await session.memory()).arena }
  } finally {
    await session.dispose()
  }
}
