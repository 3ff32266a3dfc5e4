// The preset 'auto': chooses a model for the device and the number of steps that fit in the given
// time. The result is a configuration of plain numbers, so that the run can be repeated bit for bit
// without measuring.

import { type CheckedTrainOptions, defined, trainOptions } from '../options'
import { presets } from '../presets'
import { measure } from './measure'
import { type Materials, planOn } from './plan'
import { withoutReplaced } from './resolve'
import type { RunControl } from './run'

/**
 * Measuring takes this fraction of the time, and at most `mostSecondsMeasuring`. Half of it is for the
 * choice of the size, and half for the number of steps.
 */
const measuringPart = 0.03
const mostSecondsMeasuring = 2
/** An evaluation takes at most about so many seconds, because the first one precedes the first step. */
const secondsPerEvaluation = 1
const fewestEvalBatches = 4
/** The time of an evaluation batch, as a fraction of the time of a step. */
const evaluationPart = 0.3
/** The fraction of the time for steps. The rest is for evaluations, samples and checkpoints. */
const stepsPart = 0.93
const fewestSteps = 36

const { model, training } = presets.auto
const { kind, ...variants } = model
/** The steps, and what depends on them, are measured. */
const { steps: _, evalInterval: __, ...numbers } = training

/** One of the model sizes to choose from. */
interface Size {
  readonly blockSize: number
  readonly embed: number
  readonly heads: number
  readonly layers: number
  readonly batchSize: number
  readonly dropout: number
}

/**
 * From small to large. A larger model takes longer to train and reaches a lower loss in the end.
 */
const sizes: readonly Size[] = [
  { blockSize: 64, embed: 64, heads: 2, layers: 3, batchSize: 16, dropout: 0 },
  { blockSize: 128, embed: 128, heads: 2, layers: 4, batchSize: 16, dropout: 0 },
  { blockSize: 256, embed: 192, heads: 3, layers: 4, batchSize: 8, dropout: 0 },
  { blockSize: 256, embed: 256, heads: 4, layers: 4, batchSize: 16, dropout: 0.1 },
  { blockSize: 256, embed: 384, heads: 6, layers: 6, batchSize: 16, dropout: 0.2 },
]
/** A size is used only if at least this many steps fit in the time. */
const worthwhileSteps = 800
/** The size that is measured first. */
const middle = sizes[1]

/** For plain TypeScript (the device 'js'): a smaller model and a cheaper optimizer. */
const plain: Partial<CheckedTrainOptions> = {
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
}

/** For the native engine. `kvHeads` defaults to `heads`, and `embeddingDropout` to `dropout`. */
const native = (
  size: Size,
  { dropout = size.dropout }: Partial<CheckedTrainOptions>,
): Partial<CheckedTrainOptions> => ({
  preset: kind,
  ...variants,
  ...numbers,
  ...size,
  kvHeads: undefined,
  embeddingDropout: dropout,
})

/**
 * Replaces the preset 'auto' by numbers. Other options are returned unchanged.
 *
 * @param device never 'auto'; each device is measured separately
 */
export async function resolveAuto(
  device: string,
  options: CheckedTrainOptions,
  materials: Materials,
  control: RunControl,
): Promise<CheckedTrainOptions> {
  const { preset, minutes, ...given } = options
  if (preset !== 'auto') return options
  const seconds = 60 * (minutes ?? trainOptions.minutes.default)
  const measuring = Math.min(mostSecondsMeasuring, measuringPart * seconds)
  const over = (plan: Partial<CheckedTrainOptions>): CheckedTrainOptions => ({
    ...withoutReplaced(given, defined(plan)),
    ...defined(given),
  })
  const isPlain = device === 'js'
  const first = over(isPlain ? plain : native(middle, given))
  if (first.steps !== undefined) return withSteps(first, first.steps, given)
  control.emit({ type: 'measuring', step: 0, seconds: measuring })
  const { signal } = options
  const stopped = signal ? AbortSignal.any([control.stopped, signal]) : control.stopped
  const time = stepsPart * seconds
  // The measured plan has a single step and no warm-ups, because `steps` is not known yet.
  const timed = async (sized: CheckedTrainOptions, seconds: number) => {
    const untimed = { ...sized, steps: 1, warmup: undefined, momentumWarmup: undefined }
    const measured = await measure(planOn(device, untimed, materials), materials, seconds, stopped)
    return measured.secondsPerStep
  }
  const timedRun = (planned: CheckedTrainOptions, perStep: number) =>
    withSteps(withEvaluations(planned, perStep, given), stepsIn(time, perStep), given)
  if (isPlain) return timedRun(first, await timed(first, measuring))
  const measured = await timed(first, measuring / 2)
  const chosen = over(
    native(
      sizeFor(time, measured, (size) => workOf(over(native(size, given))) / workOf(first)),
      given,
    ),
  )
  const same = workOf(chosen) === workOf(first)
  return timedRun(chosen, same ? measured : await timed(chosen, measuring / 2))
}

/** With fewer batches per evaluation if steps are slow. */
function withEvaluations(
  planned: CheckedTrainOptions,
  perStep: number,
  given: Partial<CheckedTrainOptions>,
): CheckedTrainOptions {
  return { ...planned, evalBatches: given.evalBatches ?? evalBatchesFor(perStep, planned.evalBatches!) }
}

/** @param usual the number of batches per split where steps are fast */
export function evalBatchesFor(perStep: number, usual: number): number {
  const batches = secondsPerEvaluation / (2 * evaluationPart * perStep)
  return Math.min(usual, Math.max(fewestEvalBatches, Math.floor(batches)))
}

/** Sets the steps and intervals, and shortens the warm-ups for a short run. */
function withSteps(
  planned: CheckedTrainOptions,
  steps: number,
  given: Partial<CheckedTrainOptions> = {},
): CheckedTrainOptions {
  const short = (name: 'warmup' | 'momentumWarmup', part: number) => {
    const usual = planned[name]
    return usual === undefined || given[name] !== undefined
      ? {}
      : { [name]: Math.min(usual, Math.floor(part * steps)) }
  }
  return {
    evalInterval: Math.max(1, Math.round(steps / 9)),
    sampleInterval: Math.max(1, Math.round(steps / 3)),
    ...planned,
    ...short('warmup', 1 / 10),
    ...short('momentumWarmup', 1 / 3),
    steps,
  }
}

/**
 * The largest size that runs at least `worthwhileSteps` in `seconds`, or the smallest size.
 *
 * @param measured seconds per step of the size that was measured
 * @param work the work of a step of a size, relative to the measured one
 */
export function sizeFor(seconds: number, measured: number, work: (size: Size) => number): Size {
  const affordable = sizes.filter((size) => seconds / (measured * work(size)) >= worthwhileSteps)
  return affordable.at(-1) ?? sizes[0]
}

/** Proportional to the work of a step: the weights of the blocks times the tokens. */
function workOf({
  layers,
  embed,
  blockSize,
  batchSize,
  gradientAccumulationSteps = 1,
}: CheckedTrainOptions): number {
  return layers! * embed! ** 2 * blockSize! * batchSize! * gradientAccumulationSteps
}

const mostSteps = trainOptions.steps.type.bounds!.max!

/**
 * The number of steps that fit in `seconds`, rounded down to a multiple of 9. Evaluations after
 * every ninth of the run, and samples after every third, then also fall on its end.
 */
export function stepsIn(seconds: number, perStep: number): number {
  const steps = Math.min(mostSteps, Math.max(fewestSteps, seconds / perStep))
  return 9 * Math.floor(steps / 9)
}
