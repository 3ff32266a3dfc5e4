// train(), and plan() and estimate(), which make the same decisions without training.

import type { Model } from '../api/model'
import { expectDevice, onDevice } from '../backend/devices'
import { option, type Phrase, say, show } from '../errors'
import type { FolderLock } from '../files/lock'
import { attempt, type CheckedTrainOptions, type TrainingConfig, type TrainOptions } from '../options'
import { bytesOf } from '../tokenizer/span'
import { resolveAuto } from './auto'
import { namingConfig, withConfig } from './config_file'
import { Loop } from './loop'
import { measure } from './measure'
import { type Memory, memoryOf } from './memory'
import { changesOf, changesSince, readOrigin } from './origin'
import { gather, type Materials, type Plan, planOn, resolve } from './plan'
import { prepare } from './prepare'
import { checkTrainOptions, refuseIdle, refuseShortRun } from './resolve'
import { Run, type RunControl } from './run'
import { checkFolder, enterFolder, isRunOf } from './run_folder'
import type { FolderUse } from './saver'

/**
 * Trains a model on a text. The run is new, continues an earlier one (`resume`), or starts from the
 * weights of another (`from`). The options are copied at once; later changes to the object have no
 * effect.
 *
 * @returns a `Run`: await it for the model, iterate it for progress
 * @throws nothing; for invalid options, data or devices the run rejects with a NanoGptError
 */
export function train(options: TrainOptions = {}): Run<Model> {
  return trainWith(options, { keepsSnapshots: false })
}

/** Changes options that follow from others, when these are known. */
type Adjust = (options: CheckedTrainOptions, training: TrainingConfig) => CheckedTrainOptions

/** What a run of the studio has besides its options. */
export interface Extras {
  /** Whether the run keeps snapshots in its folder. */
  readonly keepsSnapshots: boolean
  readonly adjust?: Adjust
}

/** As `train`. */
export function trainWith(options: TrainOptions, { keepsSnapshots, adjust }: Extras): Run<Model> {
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
      enterFolder,
      () => steps > 0,
      async (plan, materials, given) => {
        const { signal } = given
        const prepared = await prepare(plan, materials)
        const changes = changesSince(materials.origin, prepared.info)
        if (changes !== undefined) counting.emit({ type: 'notice', step: 0, message: say`${changes}` })
        const loop = new Loop(plan, prepared, {
          control: counting,
          signal,
          materials,
          folder: folderUse(given, plan),
          keepsSnapshots,
        })
        return loop.run()
      },
      adjust,
    )
  })
}

/**
 * Returns the plan of a run: everything that `train` decides before its first step, including the
 * device and, with the preset 'auto', the sizes. Nothing is trained or written, except the tokens of a
 * large text in the cache folder.
 *
 * @throws NanoGptError as `train`
 */
export async function plan(options: TrainOptions = {}): Promise<Plan> {
  return withPlanOf(options, async (plan) => plan)
}

/** The cost of a run. */
export interface Estimate {
  readonly plan: Plan
  /** Bytes. Activations are measured; the rest is computed from the sizes. */
  readonly memory: Memory
  /** Measured on steps whose results are discarded. */
  readonly secondsPerStep: number
}

/** How long `estimate` measures steps. */
const secondsMeasuring = 1

/**
 * Returns the plan of a run, the memory it needs, and the time of a step, which is measured for about
 * a second. Nothing is written, except the tokens of a large text in the cache folder.
 *
 * @throws NanoGptError as `train`
 */
export async function estimate(options: TrainOptions = {}): Promise<Estimate> {
  return withPlanOf(options, async (plan, materials) => {
    const { secondsPerStep, activations } = await measure(plan, materials, secondsMeasuring)
    const memory = memoryOf(plan.model, plan.training, bytesOf(materials.corpus), activations)
    return { plan, memory, secondsPerStep }
  })
}

/**
 * Calls `work` with the plan of a run, without training it. The device 'auto' is the best one that works.
 *
 * @throws NanoGptError as `train`
 */
export function withPlanOf<T>(
  options: TrainOptions,
  work: (plan: Plan, materials: Materials) => Promise<T>,
): Promise<T> {
  return withPlan(checkTrainOptions(options), silent(), checkOnly, () => false, work)
}

function folderUse({ resume, overwrite }: CheckedTrainOptions, { out }: Plan): FolderUse {
  if (resume !== undefined && (out === null || isRunOf(out, resume))) return 'continued'
  return overwrite ? 'replaced' : 'new'
}

/** For calls that only plan a run. */
function silent(): RunControl {
  return { emit: () => {}, keepsHistory: () => {}, stopped: new AbortController().signal }
}

/** For calls that do not write to the folder. */
async function checkOnly(options: CheckedTrainOptions): Promise<undefined> {
  await checkFolder(options)
  return undefined
}

/**
 * Calls `work` with the plan of a run. With the device 'auto', it tries the devices from best to
 * worst until one works.
 *
 * @param enter checks the run folder; a lock that it returns is held until the end
 */
async function withPlan<T>(
  given: CheckedTrainOptions,
  control: RunControl,
  enter: (options: CheckedTrainOptions) => Promise<FolderLock | undefined>,
  hasBegun: () => boolean,
  work: (plan: Plan, materials: Materials, options: CheckedTrainOptions) => Promise<T>,
  adjust: Adjust = (options) => options,
): Promise<T> {
  given.signal?.throwIfAborted()
  const options = await withConfig(given)
  using _lock = await enter(options)
  try {
    // Errors in numbers and the device are reported before a text is downloaded.
    refuseIdle(options)
    expectDevice(options.device)
    const notice = (message: string | Phrase) =>
      control.emit({ type: 'notice', step: 0, message: say`${message}` })
    const origin = await readOrigin(options, notice)
    if (options.preset !== 'auto') refuseShortRun(given, resolve(options, origin).training)
    using materials = await gather(options, origin, control)
    return await onDevice(
      options.device,
      async (device) => {
        const sized = await resolveAuto(device, options, materials, control)
        given.signal?.throwIfAborted()
        const adjusted = adjust(sized, resolve(sized, origin).training)
        const plan = planOn(device, adjusted, materials)
        refuseShortRun(given, plan.training)
        for (const { option: name, from, to, step } of changesOf(origin, plan.training)) {
          notice(say`from step ${step} on, ${option(name)} is ${show(to)} instead of ${show(from)}`)
        }
        const { warmup, steps } = plan.training
        if (origin.how === 'from' && warmup > steps) {
          notice(
            say`the warm-up is that of ${origin.checkpoint.path}, ${warmup} steps, so the learning rate stays low in a run of ${steps}. ${option('warmup', 0)} avoids this`,
          )
        }
        return work(plan, materials, options)
      },
      (passedOver) => control.emit({ type: 'fallback', step: 0, ...passedOver }),
      hasBegun,
    )
  } catch (error) {
    throw namingConfig(error, options)
  }
}
