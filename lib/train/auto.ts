// The preset 'auto': a model for the device at hand, and as many steps as it makes in the given time. What comes out is a
// configuration of plain numbers: run again, it measures nothing and gives the same bits.

import { openSession } from '../backend/devices'
import { NanoGptError } from '../errors'
import { presets } from '../model/config'
import { defined } from '../options'
import type { CheckedOptions } from './options'
import { prepare } from './prepare'
import type { RunControl } from './run'
import { defaultsBeside } from './update_options'

const defaultMinutes = 3
/** Measuring takes this part of the time, and no longer than this. */
const measuringPart = 0.03
const mostSecondsMeasuring = 5
/** The rest goes into evaluations, samples and checkpoints. */
const stepsPart = 0.93
const fewestSteps = 36

const { model, training } = presets.auto
const { kind, ...sizes } = model
/** Steps and what follows from them are measured. */
const { steps: _, evalInterval: __, ...numbers } = training

/** What each kind of device learns well in a few minutes: the preset, or in plain TypeScript a smaller model. */
const plans: Readonly<Record<'native' | 'js', Partial<CheckedOptions>>> = {
  native: { preset: kind, ...sizes, ...numbers },
  js: {
    preset: 'decoder',
    blockSize: 32,
    embed: 32,
    heads: 2,
    layers: 2,
    dropout: 0,
    batchSize: 8,
    learningRate: 4e-3,
    beta2: 0.99,
    weightDecay: 0.1,
    gradientClip: 1,
    evalBatches: 10,
  },
}

/** The options as they are, unless the preset is 'auto': then with numbers in its place. */
export async function resolveAuto(options: CheckedOptions, control: RunControl): Promise<CheckedOptions> {
  const { preset, minutes, ...given } = options
  if (preset !== 'auto') {
    if (minutes === undefined) return options
    const remedy = "give `steps`, or preset: 'auto'"
    const message = `train: minutes is ${minutes}: it is for the preset 'auto' alone; ${remedy}`
    throw new NanoGptError('option', message)
  }
  const seconds = 60 * (minutes ?? defaultMinutes)
  const measuring = Math.min(mostSecondsMeasuring, measuringPart * seconds)
  const planned = { ...defaultsBeside(given, plans[await kindOf(options)]), ...defined(given) }
  if (planned.steps !== undefined) return planned
  control.emit({ type: 'measuring', step: 0, seconds: measuring })
  const { signal } = options
  const stopped = signal ? AbortSignal.any([control.stopped, signal]) : control.stopped
  const steps = stepsIn(stepsPart * seconds, await secondsPerStep(planned, measuring, stopped))
  return { evalInterval: steps / 9, sampleInterval: steps / 3, ...planned, steps }
}

/** Which plan suits the device. */
async function kindOf(options: CheckedOptions): Promise<keyof typeof plans> {
  const session = await openSession(options)
  await session.dispose()
  return session.device === 'js' ? 'js' : 'native'
}

/** A multiple of 9: evaluations after every ninth of the run and samples after every third fall on its end too. */
export function stepsIn(seconds: number, perStep: number): number {
  return 9 * Math.floor(Math.max(fewestSteps, seconds / perStep) / 9)
}

/** Seconds a training step, from some that are thrown away; Infinity if it was stopped before the first. */
async function secondsPerStep(
  options: CheckedOptions,
  seconds: number,
  stopped: AbortSignal,
): Promise<number> {
  const { session, trainer } = await prepare({ ...options, steps: 1 })
  try {
    // The first steps are slower: nothing has been touched yet. They only warm up.
    let step = 0
    const run = async (until: number) => {
      const begun = step
      let spent = 0
      for (let count = 1; spent < until && !stopped.aborted; count *= 2) {
        const { losses, seconds: took, failure } = await trainer.steps(step, Math.min(count, 64))
        if (failure) throw new NanoGptError(failure.code, `measuring the device: ${failure.message}`)
        step += losses.length
        spent += took
      }
      return step > begun ? spent / (step - begun) : Infinity
    }
    await run(seconds / 3)
    return await run((2 * seconds) / 3)
  } finally {
    await session.dispose()
  }
}
