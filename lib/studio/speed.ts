// Measures a training step of a run on this machine, when the page asks for it. The weights and the text
// are random: speed depends on neither, so a run whose text or base is gone can be measured too.

import { availableParallelism } from 'node:os'
import { devices } from '../backend/devices'
import { isHostDevice, mostThreads } from '../backend/names'
import { measurePeak } from '../bench/peak'
import { openRandom } from '../bench/random_trainer'
import { groupOps, timeStep } from '../bench/roofline'
import { NanoGptError } from '../errors'
import { bytesInWords, memoryOfMachine } from '../graph/memory'
import { readPlanOf } from '../history/folder'
import { readRun } from '../history/read'
import type { ModelConfig } from '../model/config'
import { type CheckedTrainOptions, pick, type TrainingConfig, trainingNames } from '../options'
import { type Memory, memoryOf } from '../train/memory'
import { resolveTraining } from '../train/resolve'
import { RequestError } from './respond'
import { type StepSpeed, stepSpeed } from './step_speed'

/** A step that takes longer is measured once, another one several times. */
const longStep = 0.5
const usualRounds = 3
/** About the time to open a device and measure its peak, in seconds. */
const secondsOfPeak = 2
/** The most results that are kept. */
const mostKept = 50

/** The memory of a training, in bytes by purpose. */
export type StepMemory = Pick<Memory, 'weights' | 'gradients' | 'optimizer' | 'activations'>

export interface Measured extends StepSpeed {
  readonly memory: StepMemory
}

/** What is known about the speed of a run before it is measured. */
export interface About {
  /** The device that is measured. */
  readonly device: string
  /** The device that the run trained on, if it is not here. */
  readonly missing: string | null
  readonly precision: string
  readonly tokensPerStep: number
  /** About how long measuring takes. null: nothing tells. */
  readonly seconds: number | null
  /** The least memory of the training. Measuring shows how much the activations need. */
  readonly memory: StepMemory
  /** null: it was not measured yet. */
  readonly measured: Measured | null
}

interface Task {
  readonly config: ModelConfig
  readonly training: TrainingConfig
  readonly device: string
  readonly instructionSet: string | undefined
  readonly missing: string | null
  readonly tokensPerStep: number
  /** Of the run, if it trained on this device. */
  readonly secondsPerStep: number | undefined
}

export interface MeasuringOptions {
  /** @throws RequestError if a run is training, or computed again, which would falsify a measurement */
  refuseBusy(): Promise<void>
}

export class Speed {
  private readonly kept = new Map<string, Measured>()
  private stopper = new AbortController()
  /** The measurement in progress. It never rejects. */
  private last: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: MeasuringOptions) {}

  /**
   * Measures nothing.
   *
   * @param folder of the run
   */
  async about(folder: string): Promise<About> {
    const task = await taskOf(folder)
    const { config, training, device, missing, tokensPerStep } = task
    return {
      device,
      missing,
      precision: training.precision,
      tokensPerStep,
      seconds: secondsFor(task),
      memory: stepMemory(config, training),
      measured: this.kept.get(keyOf(task)) ?? null,
    }
  }

  /**
   * Measures a step, one after the other. A run of the same sizes is not measured twice, unless `again`.
   *
   * @param folder of the run
   * @throws RequestError if a run is training, or begins meanwhile
   */
  measure(folder: string, again = false): Promise<Measured> {
    const { signal } = this.stopper
    const result = this.last.then(async () => {
      signal.throwIfAborted()
      const task = await taskOf(folder)
      const key = keyOf(task)
      const known = again ? undefined : this.kept.get(key)
      if (known) return known
      await this.options.refuseBusy()
      const measured = await measure(task, signal)
      // Another program may have begun to train.
      await this.options.refuseBusy()
      this.kept.delete(key)
      this.kept.set(key, measured)
      if (this.kept.size > mostKept) this.kept.delete(this.kept.keys().next().value!)
      return measured
    })
    this.last = result.catch(() => {})
    return result
  }

  /** Ends the measurement in progress, because a run begins, a step is rebuilt, or the studio ends. */
  async stop(): Promise<void> {
    this.stopper.abort(
      new RequestError(409, 'The measurement was stopped, because a run begins or a step is rebuilt.'),
    )
    this.stopper = new AbortController()
    await this.last
  }
}

/** What to measure for a run: the device is its own, or the best one if that is not here. */
async function taskOf(folder: string): Promise<Task> {
  const { model, options, history, tokensPerStep } = await readRun(folder)
  const plan = await readPlanOf(folder)
  // Earlier versions had no plan.json, and fewer options.
  // Some may be missing: those that are newer than the version that trained the run.
  const stored = pick(options as Readonly<Record<string, unknown>>, trainingNames) as CheckedTrainOptions
  const training = { ...resolveTraining(stored, {}), ...plan?.training }
  const wanted = history.sessions.at(-1)?.device ?? options.device ?? 'auto'
  const here = devices().filter(({ available }) => available)
  const isHere = here.some(({ name }) => name === wanted.replace(/:\d+$/, ''))
  const speed = isHere ? history.steps.at(-1)?.tokensPerSecond : undefined
  return {
    config: model,
    // The formats other than f32 may need the device that is missing.
    training: isHere ? training : { ...training, precision: 'f32' },
    device: isHere ? wanted : here[0].name,
    instructionSet: isHere ? options.instructionSet : undefined,
    missing: isHere || wanted === 'auto' ? null : wanted,
    tokensPerStep,
    secondsPerStep: speed ? tokensPerStep / speed : undefined,
  }
}

/** Equal for tasks with the same result. */
const keyOf = ({ config, training, device, instructionSet }: Task) =>
  JSON.stringify([config, { ...training, steps: 0 }, device, instructionSet])

function roundsFor({ secondsPerStep = 0, device }: Task): number {
  return secondsPerStep > longStep || device === 'js' ? 1 : usualRounds
}

function secondsFor(task: Task): number | null {
  const { secondsPerStep: step } = task
  if (step === undefined) return null
  // Two steps to warm up, and at least one per round.
  return (task.device === 'js' ? 0 : secondsOfPeak) + 2 * step + roundsFor(task) * Math.max(0.25, step)
}

function stepMemory(config: ModelConfig, training: TrainingConfig, measured?: number): StepMemory {
  const { weights, gradients, optimizer, activations } = memoryOf(config, training, 0, measured)
  return { weights, gradients, optimizer, activations }
}

async function measure(task: Task, signal: AbortSignal): Promise<Measured> {
  const { config, training, device, instructionSet } = task
  refuseTooLarge(task)
  const threads = Math.min(availableParallelism(), mostThreads)
  const machine = { device, threads, instructionSet }
  signal.throwIfAborted()
  const peak = await measurePeak({ ...machine, precision: training.precision, rounds: 1 })
  signal.throwIfAborted()
  // Without learning, the weights stay finite, whatever the options of the run are.
  const still = {
    ...training,
    learningRate: 0,
    ...(training.matrixLearningRate && { matrixLearningRate: 0 }),
  }
  const { session, trainer } = await openRandom({ config, training: still }, machine)
  // It ends after the operation in progress, however long a step takes.
  const end = () => session.dispose()
  signal.addEventListener('abort', end)
  try {
    // The fastest round, because the peak is the fastest of several too.
    const [{ ms, timings }] = await timeStep(trainer, 'the step', roundsFor(task), signal)
    const groups = groupOps(trainer.programs, timings, [training.gradientAccumulationSteps, 1])
    const { arena } = await session.memory()
    return { ...stepSpeed(groups, ms, peak), memory: stepMemory(config, training, arena) }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', end)
    await session.dispose()
  }
}

/** A run of a larger machine must not take all memory of this one. */
function refuseTooLarge({ config, training, device }: Task): void {
  if (!isHostDevice(device)) return
  const [needed, available] = [memoryOf(config, training, 0).total, memoryOfMachine()]
  if (needed <= available) return
  throw new NanoGptError('out_of_memory', {
    subject: 'a step of this run',
    reason: `it needs at least ${bytesInWords(needed)} of memory, but this machine has ${bytesInWords(available)}`,
    remedy: 'measure it on the machine that trained it',
  })
}
