// Measures the time and memory of a training step. The results of the steps are discarded.

import { NanoGptError } from '../errors'
import type { Materials, Plan } from './plan'
import { prepare } from './prepare'

/**
 * A third of the time is warm-up: the first steps are slower, because memory is touched for the
 * first time.
 */
const warmUpPart = 1 / 3

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
      for (let count = 1; spent < until && !stopped?.aborted; count *= 2) {
        const { losses, seconds: took, failure } = await trainer.steps(step, Math.min(count, 64))
        if (failure) throw new NanoGptError(failure.code, `measuring the device: ${failure.message}`)
        step += losses.length
        spent += took
      }
      return step > begun ? spent / (step - begun) : Infinity
    }
    await run(warmUpPart * seconds)
    const secondsPerStep = await run((1 - warmUpPart) * seconds)
    return { secondsPerStep, activations: (await session.memory()).arena }
  } finally {
    await session.dispose()
  }
}
