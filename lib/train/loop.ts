// The training loop: runs the steps of a plan, and the evaluations, samples and checkpoints between
// them.

import { Model } from '../api/model'
import type { Failure } from '../backend/backend'
import { isFault } from '../backend/devices'
import type { CheckpointInfo, Done } from '../checkpoint/checkpoint'
import { call, NanoGptError, option, say } from '../errors'
import { storedOptions } from './config_file'
import { Evaluator } from './evaluator'
import type { TrainEvent } from './events'
import { isFailedUpdate } from './failed_update'
import type { Materials, Plan } from './plan'
import type { Prepared } from './prepare'
import type { RunControl } from './run'
import { type FolderUse, Saver } from './saver'
import { dueAt, nextDue } from './schedule'

/**
 * The target time of a native call: short enough to stop and report promptly, long enough to keep
 * overhead small.
 */
const secondsPerCall = 0.05
const mostStepsPerCall = 4096
/** The shortest time between step events. */
const secondsPerEvent = 0.05

/** The inputs of a loop, besides its plan and the prepared model. */
export interface LoopOptions {
  readonly control: RunControl
  /** The caller's signal. A run that it stops rejects with its reason. */
  readonly signal: AbortSignal | undefined
  readonly textToKeep: Materials['textToKeep']
  readonly folder: FolderUse
}

export class Loop {
  private readonly model: Model
  private readonly evaluator: Evaluator
  private readonly saver: Saver
  private step: number
  private best: CheckpointInfo['best']
  private done: Done
  private savedAt = -1
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
    this.saver = new Saver(prepared, plan)
    // A getter, so that the model always reports the current step and losses.
    const info = () => this.info()
    this.model = new Model({
      ...prepared,
      get info() {
        return info()
      },
    })
  }

  /** Trains until the end or a stop. An error disposes the session. */
  async run(): Promise<Model> {
    const begun = performance.now()
    const cancel = () => this.prepared.session.cancel()
    this.stop.addEventListener('abort', cancel)
    try {
      await this.saver.begin(this.options.textToKeep, this.options.folder)
      this.emitStart()
      await this.pause()
      while (this.step < this.plan.training.steps && !this.stopping) {
        await this.advance()
        await this.pause()
      }
      await this.save()
      this.options.signal?.throwIfAborted()
      const seconds = (performance.now() - begun) / 1000
      this.emit({ type: 'end', step: this.step, stopped: this.stopping, seconds })
      return this.model
    } catch (error) {
      const told = isFault(error) ? await this.withRemedy(error) : error
      await this.prepared.session.dispose()
      throw told
    } finally {
      this.stop.removeEventListener('abort', cancel)
    }
  }

  info(): CheckpointInfo {
    return { ...this.prepared.info, step: this.step, best: this.best, done: this.done }
  }

  private get stopping(): boolean {
    return this.stop.aborted
  }

  private emit(event: TrainEvent): void {
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
   * evaluation or a sample that it finished before it stopped.
   */
  private async pause(): Promise<void> {
    const due = dueAt(this.step, this.plan.training)
    if (due.evaluation && this.done.evaluation !== this.step) await this.evaluate()
    if (due.sample && this.done.sample !== this.step) await this.sample()
    const isNew = this.step !== this.plan.step
    if (due.checkpoint && isNew && !this.stopping) await this.save()
  }

  /** Runs the steps until the next pause, in native calls of about `secondsPerCall`. */
  private async advance(): Promise<void> {
    const until = nextDue(this.step, this.plan.training)
    let pending: Pending | undefined
    while (this.step < until && !this.stopping) {
      const count = this.callLength(until - this.step)
      const { losses, gradientNorms, seconds, failure } = await this.prepared.trainer.steps(this.step, count)
      if (losses.length > 0) this.secondsPerStep = seconds / losses.length
      pending = collect(pending, this.step, losses, gradientNorms, seconds)
      this.step += losses.length
      if (failure && failure.code !== 'cancelled') {
        this.report(pending)
        await this.fail(failure)
      }
      if (pending.seconds < secondsPerEvent) continue
      this.report(pending)
      pending = undefined
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
    const to = from + losses.length
    this.emit({ type: 'step', from, to, losses, gradientNorms, seconds, tokensPerSecond })
  }

  private async fail(failure: Failure): Promise<never> {
    const error =
      failure.code === 'non_finite'
        ? await this.prepared.trainer.explain(this.step, failure, this.saver.saved)
        : new NanoGptError(failure.code, `step ${this.step}: ${failure.message}`)
    if (!isFault(error) && !isFailedUpdate(failure)) await this.save()
    throw error
  }

  /**
   * A device error ends the run. Saves the run if possible, and adds to the error how to continue.
   */
  private async withRemedy(error: NanoGptError): Promise<NanoGptError> {
    if (this.step === this.plan.step) return error
    if (error.code !== 'device_lost') await this.save().catch(() => {})
    const { saved } = this.saver
    if (saved) {
      const resume = call('train', { resume: saved.path })
      return error.adding(say`The run is saved up to step ${saved.step}: ${resume} continues from there`)
    }
    const why =
      this.plan.out === null
        ? say`no ${option('out')} was given`
        : say`no ${option('checkpointInterval')} had passed`
    return error.adding(say`Nothing was saved, because ${why}`)
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
    if (best) this.best = { step, valLoss: deciding }
    this.done = { ...this.done, evaluation: step }
    const seconds = (performance.now() - begun) / 1000
    this.emit({ type: 'evaluation', step, ...losses, best, seconds })
    if (best && step > 0) await this.write('best')
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
    if (this.plan.out === null || this.savedAt === this.step) return
    await this.write('last')
    this.savedAt = this.step
  }

  private async write(which: 'last' | 'best'): Promise<void> {
    const path = await this.saver.write(which, this.info())
    if (path !== undefined) this.emit({ type: 'checkpoint', step: this.step, path })
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
