// train(): what users call, and plan(), which decides the same and trains nothing.

import type { Model } from '../api/model'
import { expectDevice, onDevice } from '../backend/devices'
import { type Phrase, say } from '../errors'
import { attempt, type CheckedTrainOptions, type TrainOptions } from '../options'
import { resolveAuto } from './auto'
import { namingConfig, withConfig } from './config_file'
import { Loop } from './loop'
import { measure } from './measure'
import { type Memory, memoryOf } from './memory'
import { readOrigin } from './origin'
import { gather, type Materials, type Plan, planOn, resolve } from './plan'
import { prepare } from './prepare'
import { checkTrainOptions, refuseMinutes, refuseShortRun } from './resolve'
import { Run, type RunControl } from './run'
import { checkFolder, isRunOf } from './run_folder'
import type { FolderUse } from './saver'

/**
 * Trains a model on a text: a new one, one that was interrupted (`resume`), or a new run with another's weights (`from`). The options are
 * read here and now: what happens to the object later has no effect.
 *
 * @returns a `Run`: await it for the model, iterate it for progress
 * @throws nothing itself; bad options, data or devices reject the run with a NanoGptError
 */
export function train(options: TrainOptions = {}): Run<Model> {
  const checked = attempt(() => checkTrainOptions(options))
  return new Run(async (control) => {
    let steps = 0
    const counting: RunControl = {
      ...control,
      emit(event) {
        if (event.type === 'step') steps = event.to
        control.emit(event)
      },
    }
    return withPlan(
      checked(),
      counting,
      () => steps > 0,
      async (plan, materials, given) => {
        const { signal } = given
        const loop = new Loop(plan, await prepare(plan, materials), {
          control: counting,
          signal,
          textToKeep: materials.textToKeep,
          folder: folderUse(given, plan),
        })
        return loop.run()
      },
    )
  })
}

/**
 * The plan of a run: everything that `train` decides before its first step, the device and with the preset 'auto' the sizes included.
 * Nothing is trained or written.
 *
 * @throws NanoGptError as `train`
 */
export async function plan(options: TrainOptions = {}): Promise<Plan> {
  const control: RunControl = { emit: () => {}, stopped: new AbortController().signal }
  return withPlan(
    checkTrainOptions(options),
    control,
    () => false,
    async (plan) => plan,
  )
}

/** What a run would cost. */
export interface Estimate {
  readonly plan: Plan
  /** Bytes: computed from the sizes, but for the activations, which the measured steps show. */
  readonly memory: Memory
  /** Measured on steps that are thrown away. */
  readonly secondsPerStep: number
}

/** How long steps are measured. */
const secondsMeasuring = 3

/**
 * What a run would cost: its plan, the memory it needs, and the time of a step, measured here for some seconds. Nothing is written.
 *
 * @throws NanoGptError as `train`
 */
export async function estimate(options: TrainOptions = {}): Promise<Estimate> {
  const control: RunControl = { emit: () => {}, stopped: new AbortController().signal }
  return withPlan(
    checkTrainOptions(options),
    control,
    () => false,
    async (plan, materials) => {
      const { secondsPerStep, activations } = await measure(plan, materials, secondsMeasuring)
      const memory = memoryOf(plan.model, plan.training, materials.tokens.length, activations)
      return { plan, memory, secondsPerStep }
    },
  )
}

function folderUse({ resume, overwrite }: CheckedTrainOptions, { out }: Plan): FolderUse {
  if (resume !== undefined && (out === null || isRunOf(out, resume))) return 'continued'
  return overwrite ? 'replaced' : 'new'
}

/** Does something with the plan of a run, on the device that it names; with 'auto' on the best with which it works. */
async function withPlan<T>(
  given: CheckedTrainOptions,
  control: RunControl,
  hasBegun: () => boolean,
  work: (plan: Plan, materials: Materials, options: CheckedTrainOptions) => Promise<T>,
): Promise<T> {
  given.signal?.throwIfAborted()
  const options = await withConfig(given)
  checkFolder(options)
  try {
    // What is wrong with numbers and the device is said before a text is fetched.
    refuseMinutes(options)
    expectDevice(options.device)
    const origin = await readOrigin(options)
    if (options.preset !== 'auto') refuseShortRun(given, resolve(options, origin).training)
    const notice = (message: string | Phrase) =>
      control.emit({ type: 'notice', step: 0, message: say`${message}` })
    const materials = await gather(options, origin, notice)
    return await onDevice(
      options.device,
      async (device) => {
        const plan = planOn(device, await resolveAuto(device, options, materials, control), materials)
        refuseShortRun(given, plan.training)
        return work(plan, materials, options)
      },
      (passedOver) => control.emit({ type: 'fallback', step: 0, ...passedOver }),
      hasBegun,
    )
  } catch (error) {
    throw namingConfig(error, options)
  }
}
