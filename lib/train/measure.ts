// What a training step takes here, from some that are thrown away.

import { NanoGptError } from '../errors'
import type { Materials, Plan } from './plan'
import { prepare } from './prepare'

/** The first steps are slower, as nothing has been touched yet: a third of the time only warms up. */
const warmUpPart = 1 / 3

export interface Measured {
  /** Infinity if it was stopped before the first step. */
  readonly secondsPerStep: number
  /** Bytes between the ops of a step. */
  readonly activations: number
}

/**
 * What a training step of this plan takes.
 *
 * @param seconds how long measuring may take, roughly
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
