// The training loop: runs the steps of a plan, and the evaluations, samples and checkpoints between
// them.

import { setTimeout as sleep } from 'node:timers/promises'
import { Model } from '../api/model'
import type { Failure } from '../backend/backend'
import { isFault } from '../backend/devices'
import type { CheckpointInfo, Done } from '../checkpoint/checkpoint'
import { call, NanoGptError, option, type Phrase, reasonOf, say } from '../errors'
import { bitsPerByte } from '../tokenizer/bits'
import { storedOptions } from './config_file'
import { Evaluator } from './evaluator'
import type { TrainEvent } from './events'
import { isFailedUpdate } from './failed_update'
import type { Materials, Plan } from './plan'
import type { Prepared } from './prepare'
import { Recorder } from './recorder'
import type { RunControl } from './run'
import { writeRunReport } from './run_report'
import { type FolderUse, Saver } from './saver'
import { dueAt, nextDue } from './schedule'
import { Snapshots } from './snapshots'
import { SpikeDetector } from './spikes'

/**
 * The target time of a native call: short enough to stop and report promptly, long enough to keep
 * overhead small.
 */
const secondsPerCall = 0.05
const mostStepsPerCall = 4096
/** The shortest time between step events. */
const secondsPerEvent = 0.05
/** The time after a failed save before the next attempt. */
const secondsToRetry = 30
/** The largest number of steps in a row that are skipped because they are not finite. */
const mostSkipped = 10
/** How long a stopped run waits for the end of its step before it abandons it. */
const secondsToFinishStep = 2
/** How long the end of a run tries to save, for example until somebody frees the disk. */
const secondsToGiveUp = 60

/** The inputs of a loop, besides its plan and the prepared model. */
export interface LoopOptions {
  readonly control: RunControl
  /** The caller's signal. A run that it stops rejects with its reason. */
  readonly signal: AbortSignal | undefined
  readonly materials: Materials
  readonly folder: FolderUse
  /** Whether the run keeps snapshots in its folder. */
  readonly keepsSnapshots: boolean
}

export class Loop {
  private readonly model: Model
  private readonly evaluator: Evaluator
  private readonly saver: Saver
  private readonly recorder: Recorder
  private readonly snapshots: Snapshots | undefined
  private readonly spikes = new SpikeDetector()
  /** The number of steps skipped in a row. */
  private skipped = 0
  private step: number
  private best: CheckpointInfo['best']
  private done: Done
  /** The step of the last call of `saver.save`, and its time. */
  private savedAt = -1
  private savedTime = performance.now()
  /** Whether the current weights are the best, and not saved yet. */
  private isBest = false
  private secondsPerStep = 0
  /** Aborted by `run.stop()` or the caller's signal. */
  private readonly stop: AbortSignal

  constructor(
    private readonly plan: Plan,
    private readonly prepared: Prepared,
    private readonly options: LoopOptions,
  ) {
    this.step = plan.step
    this.best = prepared.info.best
    this.done = prepared.info.done
    const { control, signal } = options
    this.stop = signal ? AbortSignal.any([control.stopped, signal]) : control.stopped
    this.evaluator = new Evaluator(prepared, plan, this.stop)
    const { materials, folder } = options
    const resumed = materials.origin.checkpoint?.path
    this.recorder = new Recorder({
      plan,
      tokensPerStep: prepared.trainer.tokensPerStep,
      spikes: this.spikes,
      info: prepared.info,
      resumed,
      isWarned: () => this.saver.unsaved !== undefined,
      emit: (event) => this.emit(event),
    })
    control.keepsHistory(this.recorder.history)
    this.saver = new Saver(prepared, plan, {
      textToKeep: materials.textToKeep,
      folder,
      resumed,
      recorder: this.recorder,
      emit: (event) => this.emit(event),
    })
    // A getter, so that the model always reports the current step and losses.
    const info = () => this.info()
    this.model = new Model({
      ...prepared,
      get info() {
        return info()
      },
    })
    const { out, training } = plan
    if (options.keepsSnapshots && out !== null) {
      const { evalInterval } = training
      this.snapshots = new Snapshots(this.model, { out, evalInterval, emit: (event) => this.emit(event) })
    }
  }

  /** Trains until the end or a stop. An error disposes the session. */
  async run(): Promise<Model> {
    const begun = performance.now()
    let abandon: NodeJS.Timeout | undefined
    const cancel = () => {
      const { session } = this.prepared
      session.cancel()
      abandon = setTimeout(() => session.abandon(), secondsToFinishStep * 1000)
    }
    this.stop.addEventListener('abort', cancel)
    try {
      await this.saver.begin()
      await this.snapshots?.begin()
      await this.recorder.begin(this.prepared.session.device)
      this.emitStart()
      this.recorder.warn()
      await this.pause()
      while (this.step < this.plan.training.steps && !this.stopping) {
        await this.advance()
        await this.pause()
      }
      await this.save()
      await this.finishSaving()
      const { saved = null, unsaved } = this.saver
      const why = unsaved?.error.message ?? null
      const isOver = this.step === this.plan.training.steps
      await this.recorder.end(isOver ? 'finished' : 'stopped', why ?? undefined)
      await this.writeReport()
      this.options.signal?.throwIfAborted()
      const seconds = (performance.now() - begun) / 1000
      this.emit({ type: 'end', step: this.step, stopped: this.stopping, seconds, saved, unsaved: why })
      return this.model
    } catch (error) {
      const told = await this.withRemedy(error)
      const isStopped = this.options.signal?.aborted === true
      await this.snapshots?.settle()
      await this.recorder.end(isStopped ? 'stopped' : 'failed', isStopped ? undefined : reasonOf(told))
      if (this.plan.out !== null) await writeRunReport(this.plan.out).catch(() => {}) // the error is worth more
      await this.prepared.session.dispose()
      throw told
    } finally {
      this.stop.removeEventListener('abort', cancel)
      clearTimeout(abandon)
    }
  }

  /**
   * Writes the page about the run. A failure is a warning, because the model is worth more. There is none
   * if the run has already warned of a disk that fails.
   */
  private async writeReport(): Promise<void> {
    const { model, step, prepared, plan } = this
    if (plan.out === null) return
    try {
      // A stopped run ends at once.
      await writeRunReport(plan.out, this.stopping ? undefined : { model, step, prepared })
    } catch (error) {
      if (this.saver.unsaved) return
      const code = error instanceof NanoGptError ? error.code : 'write_failed'
      this.emit({ type: 'warning', step, code, message: say`the report is not written: ${reasonOf(error)}` })
    }
  }

  info(): CheckpointInfo {
    return { ...this.prepared.info, step: this.step, best: this.best, done: this.done }
  }

  private get stopping(): boolean {
    return this.stop.aborted
  }

  private emit(event: TrainEvent): void {
    this.recorder.event(event)
    this.options.control.emit(event)
  }

  private emitStart(): void {
    const { plan } = this
    const { model, training, seed, data } = this.prepared.info
    const { trainTokens, validationTokens } = plan.data
    // Copies, so that a listener cannot change the plan.
    this.emit({
      type: 'start',
      device: this.prepared.session.device,
      parameters: plan.parameters,
      step: this.step,
      steps: plan.training.steps,
      options: storedOptions(plan),
      config: structuredClone({ model, training, seed, data }),
      plan: structuredClone(plan),
      trainTokens,
      validationTokens,
    })
  }

  /**
   * Evaluates, samples and saves as due before the next step. A resumed run does not repeat an
   * evaluation or a sample that it finished before it stopped. A new best is saved after the sample,
   * so that the best and the last checkpoint of a step are the same.
   */
  private async pause(): Promise<void> {
    const due = dueAt(this.step, this.plan.training)
    if (due.evaluation && this.done.evaluation !== this.step) await this.evaluate()
    if (due.sample && this.done.sample !== this.step) await this.sample()
    const isNew = this.step !== this.plan.step
    const isDue = isNew && (due.checkpoint || this.savesLate())
    this.snapshots?.take(this.step)
    if ((this.isBest || isDue) && !this.stopping) await this.save()
  }

  /** Runs the steps until the next pause, in native calls of about `secondsPerCall`. */
  private async advance(): Promise<void> {
    const due = nextDue(this.step, this.plan.training)
    const until = Math.min(due, this.snapshots?.next(this.step) ?? due)
    let pending: Pending | undefined
    while (this.step < until && !this.stopping) {
      const count = this.callLength(until - this.step)
      const { losses, gradientNorms, seconds, failure } = await this.prepared.trainer.steps(this.step, count)
      if (losses.length > 0) {
        this.secondsPerStep = seconds / losses.length
        this.recorder.steps(this.step, losses, gradientNorms, seconds)
      }
      pending = collect(pending, this.step, losses, gradientNorms, seconds)
      this.step += losses.length
      if (losses.length > 0) this.skipped = 0
      if (failure && failure.code !== 'cancelled') {
        this.report(pending)
        if (!this.skips(failure)) await this.fail(failure)
        await this.skip(failure, seconds)
        pending = undefined
        continue
      }
      // At `until` the pause saves, after its evaluation and its sample.
      const isLate = this.step < until && this.savesLate()
      if (pending.seconds < secondsPerEvent && !isLate) continue
      this.report(pending)
      pending = undefined
      if (isLate) await this.save()
    }
    if (pending) this.report(pending)
  }

  private callLength(left: number): number {
    const { stepsPerCall } = this.plan
    if (stepsPerCall !== null) return Math.min(left, stepsPerCall)
    if (this.secondsPerStep === 0) return 1
    const wanted = Math.floor(secondsPerCall / this.secondsPerStep)
    return Math.max(1, Math.min(left, wanted, mostStepsPerCall))
  }

  private report({ from, losses, gradientNorms, seconds }: Pending): void {
    if (losses.length === 0) return
    const tokensPerSecond = (losses.length * this.prepared.trainer.tokensPerStep) / seconds
    const bytesPerSecond = tokensPerSecond * this.plan.data.bytesPerToken.train
    const to = from + losses.length
    this.emit({
      type: 'step',
      ...{ from, to, losses, gradientNorms, seconds, tokensPerSecond, bytesPerSecond },
    })
    for (const [i, loss] of losses.entries()) this.reportSpike(from + i, loss)
  }

  private reportSpike(step: number, loss: number): void {
    const spike = this.spikes.observe(step, loss)
    if (!spike) return
    const message = say`the training loss of step ${step} is ${loss.toFixed(2)}, far above the usual ${spike.usual.toFixed(2)}. If this happens again, a lower ${option('learningRate')} or ${option('gradientClip', 1)} may help`
    this.emit({ type: 'warning', step, code: 'loss_spike', message })
  }

  /** Whether to skip a step that failed. Its update was not made. */
  private skips(failure: Failure): boolean {
    const isAsked = this.plan.training.nonFinite === 'skip' && failure.code === 'non_finite'
    return isAsked && !isFailedUpdate(failure) && this.skipped < mostSkipped
  }

  private async skip(failure: Failure, seconds: number): Promise<void> {
    const { step } = this
    const { message } = await this.prepared.trainer.explain(step, failure)
    this.skipped++
    this.step++
    this.recorder.steps(step, [Number.NaN], [Number.NaN], 0)
    this.report({ from: step, losses: [Number.NaN], gradientNorms: [Number.NaN], seconds })
    this.emit({ type: 'warning', step, code: 'non_finite', message: say`${message}. The step is skipped` })
  }

  private async fail(failure: Failure): Promise<never> {
    const error =
      failure.code === 'non_finite'
        ? await this.prepared.trainer.explain(this.step, failure)
        : new NanoGptError(failure.code, `step ${this.step}: ${failure.message}`)
    if (!isFault(error) && !isFailedUpdate(failure)) await this.save()
    throw error
  }

  /**
   * Adds to the error that ends the run what is saved. After a fault of the device, saves the run if
   * possible.
   */
  private async withRemedy(error: unknown): Promise<unknown> {
    if (!(error instanceof NanoGptError)) {
      await this.saver.settle().catch(() => {})
      return error
    }
    try {
      if (isFault(error) && error.code !== 'device_lost' && this.step > this.plan.step) await this.save()
      await this.saver.settle()
    } catch {
      // What is saved is reported below.
    }
    return this.step === this.plan.step ? error : error.adding(this.whatIsSaved())
  }

  private whatIsSaved(): Phrase {
    const { saved, unsaved } = this.saver
    if (saved) {
      const resume = call('train', { resume: saved.path })
      return say`The run is saved up to step ${saved.step}: ${resume} continues from there`
    }
    if (unsaved) return say`Nothing was saved: ${unsaved.error.message}`
    const why =
      this.plan.out === null
        ? say`no ${option('out')} was given`
        : say`no ${option('checkpointInterval')} had passed`
    return say`Nothing was saved, because ${why}`
  }

  private async evaluate(): Promise<void> {
    const begun = performance.now()
    const { step } = this
    const losses = await this.evaluator.evaluate(step, (done, total) =>
      this.emit({ type: 'evaluating', step, done, total }),
    )
    if (!losses) return
    const deciding = losses.exactValLoss ?? losses.valLoss
    const best = deciding < (this.best?.valLoss ?? Infinity)
    const bytes = this.plan.data.bytesPerToken
    const valBitsPerByte = bitsPerByte(losses.valLoss, bytes.validation)
    const exact = losses.exactValLoss && bitsPerByte(losses.exactValLoss, bytes.validation)
    if (best) this.best = { step, valLoss: deciding, valBitsPerByte: exact ?? valBitsPerByte }
    this.done = { ...this.done, evaluation: step }
    const seconds = (performance.now() - begun) / 1000
    this.emit({
      ...{ type: 'evaluation', step, ...losses },
      trainBitsPerByte: bitsPerByte(losses.trainLoss, bytes.train),
      valBitsPerByte,
      ...(exact !== undefined && { exactValBitsPerByte: exact }),
      ...{ best, seconds },
    })
    this.isBest = best && step > 0
  }

  private async sample(): Promise<void> {
    const { sampleTokens } = this.plan.training
    if (this.stopping) return
    try {
      const seed = BigInt(this.plan.seed)
      const text = await this.model.generate({ maxTokens: sampleTokens, seed, signal: this.stop })
      this.done = { ...this.done, sample: this.step }
      this.emit({ type: 'sample', step: this.step, text })
    } catch (error) {
      // Stopping the run also cancels the sample. A resumed run makes it.
      if (!this.stopping) throw error
    }
  }

  private async save(): Promise<void> {
    if (this.savedAt === this.step && !this.isBest) return
    await this.saver.save(this.info(), this.isBest)
    this.isBest = false
    this.savedAt = this.step
    this.savedTime = performance.now()
  }

  /** Whether a checkpoint is due by time, or one that failed is due again. */
  private savesLate(): boolean {
    const now = performance.now()
    const { unsaved } = this.saver
    const limit = this.plan.training.checkpointMinutes * 60_000
    return (
      now - this.savedTime >= limit || (unsaved !== undefined && now - unsaved.at >= secondsToRetry * 1000)
    )
  }

  /** Waits for the last save. If it fails, tries again for a while, unless the run is stopped. */
  private async finishSaving(): Promise<void> {
    const deadline = performance.now() + secondsToGiveUp * 1000
    await this.snapshots?.settle()
    await this.saver.settle()
    for (let seconds = 0.1; this.saver.unsaved && !this.stopping; seconds *= 2) {
      const left = deadline - performance.now()
      if (left <= 0) return
      await sleep(Math.min(seconds * 1000, left), undefined, { signal: this.stop }).catch(() => {})
      await this.saver.retry()
    }
  }
}

interface Pending {
  from: number
  losses: number[]
  gradientNorms: number[]
  seconds: number
}

function collect(
  pending: Pending | undefined,
  from: number,
  losses: number[],
  gradientNorms: number[],
  seconds: number,
): Pending {
  if (!pending) return { from, losses, gradientNorms, seconds }
  pending.losses.push(...losses)
  pending.gradientNorms.push(...gradientNorms)
  pending.seconds += seconds
  return pending
}
