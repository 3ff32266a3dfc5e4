// The training loop: steps, evaluations, samples and checkpoints, each in its turn.

import { join } from 'node:path'
import { Model } from '../api/model'
import { isFault } from '../backend/devices'
import { type CheckpointInfo, files, type TrainingConfig, writeCheckpoint } from '../checkpoint/checkpoint'
import { NanoGptError } from '../errors'
import { TextLoss } from '../model/loss'
import type { Split } from '../model/programs'
import { readTensors } from '../model/weights'
import { storedOptions, writeConfig } from './config_file'
import type { TrainEvent } from './events'
import { type CheckedOptions, samplingDefaults } from './options'
import { type Prepared, savedTensors } from './prepare'
import type { RunControl } from './run'

/** A native call makes as many steps as take about this long: the event loop stays in touch, and overhead stays small. */
const secondsPerCall = 0.05
const mostStepsPerCall = 4096
/** Step events come no more often than this. */
const secondsPerEvent = 0.05

export class Loop {
  private readonly model: Model
  private readonly exact: TextLoss
  private step: number
  private best: CheckpointInfo['best']
  private secondsPerStep = 0
  private evaluatedAt = -1
  private savedAt = -1
  /** What `resume` would go on with. */
  private saved: { readonly step: number; readonly path: string } | undefined
  /** `run.stop()` or the caller's signal. */
  private readonly stop: AbortSignal

  constructor(
    private readonly prepared: Prepared,
    private readonly options: CheckedOptions,
    private readonly control: RunControl,
  ) {
    this.step = prepared.info.step
    this.best = prepared.info.best
    const { resume } = options
    if (resume !== undefined) this.saved = { step: this.step, path: resume }
    this.stop = options.signal ? AbortSignal.any([control.stopped, options.signal]) : control.stopped
    this.exact = new TextLoss(prepared.session, prepared.architecture)
    // What the model says of itself is what the training has come to.
    const info = () => this.info()
    this.model = new Model({
      ...prepared,
      get info() {
        return info()
      },
    })
  }

  private get training(): TrainingConfig {
    return this.prepared.info.training
  }

  /** Trains to the end, or until it is stopped; a failure frees the session. */
  async run(): Promise<Model> {
    const begun = performance.now()
    const cancel = () => this.prepared.session.cancel()
    this.stop.addEventListener('abort', cancel)
    try {
      await this.start()
      await this.pause()
      while (this.step < this.training.steps && !this.stopping) {
        await this.advance()
        await this.pause()
      }
      await this.save()
      this.options.signal?.throwIfAborted()
      this.emit({
        type: 'end',
        step: this.step,
        stopped: this.stopping,
        seconds: (performance.now() - begun) / 1000,
      })
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
    return { ...this.prepared.info, step: this.step, best: this.best }
  }

  private get stopping(): boolean {
    return this.stop.aborted
  }

  private emit(event: TrainEvent): void {
    this.control.emit(event)
  }

  private async start(): Promise<void> {
    const { model, training, seed, data } = this.prepared.info
    const options = storedOptions(this.prepared.info, this.options)
    const { out } = this.prepared
    // A resumed run's folder says already how the run began.
    if (out !== undefined && this.options.resume === undefined) await writeConfig(out, options)
    this.emit({
      type: 'start',
      device: this.prepared.session.device,
      parameters: this.model.parameterCount,
      step: this.step,
      steps: this.training.steps,
      options,
      config: { model, training, seed, data },
      trainTokens: this.prepared.corpus.train.length,
      validationTokens: this.prepared.corpus.validation.length,
    })
  }

  /** What is due between steps: evaluation, sample, checkpoint. */
  private async pause(): Promise<void> {
    const { evalInterval } = this.training
    const { sampleInterval = samplingDefaults.sampleInterval, checkpointInterval = evalInterval } =
      this.options
    const last = this.step === this.training.steps
    const resumed = this.step === this.prepared.info.step && this.step > 0
    if ((this.due(evalInterval) || last) && !resumed) await this.evaluate()
    if (sampleInterval > 0 && (this.due(sampleInterval) || last) && !resumed) await this.sample()
    if (this.due(checkpointInterval) && !resumed && this.step > 0) await this.save()
  }

  private due(interval: number): boolean {
    return this.step % interval === 0 && !this.stopping
  }

  /** Steps up to the next pause, in calls of a good length. */
  private async advance(): Promise<void> {
    const until = this.nextPause()
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

  private nextPause(): number {
    const { evalInterval } = this.training
    const { sampleInterval = samplingDefaults.sampleInterval, checkpointInterval = evalInterval } =
      this.options
    const next = [evalInterval, sampleInterval, checkpointInterval]
      .filter((interval) => interval > 0)
      .map((interval) => (Math.floor(this.step / interval) + 1) * interval)
    return Math.min(this.training.steps, ...next)
  }

  private callLength(left: number): number {
    if (this.secondsPerStep === 0) return 1
    const wanted = Math.floor(secondsPerCall / this.secondsPerStep)
    return Math.max(1, Math.min(left, wanted, mostStepsPerCall))
  }

  private report({ from, losses, gradientNorms, seconds }: Pending): void {
    if (losses.length === 0) return
    const tokensPerSecond = (losses.length * this.prepared.trainer.tokensPerStep) / seconds
    this.emit({
      type: 'step',
      from,
      to: from + losses.length,
      losses,
      gradientNorms,
      seconds,
      tokensPerSecond,
    })
  }

  private async fail(failure: { code: string; message: string; step: number }): Promise<never> {
    const error =
      failure.code === 'non_finite'
        ? await this.prepared.trainer.explain(this.step, failure as never)
        : new NanoGptError(failure.code, `step ${this.step}: ${failure.message}`)
    if (!isFault(error)) await this.save()
    throw error
  }

  /** What the device couldn't do ends the run; what it has trained is saved if it can be, and the error says how to go on. */
  private async withRemedy(error: NanoGptError): Promise<NanoGptError> {
    if (this.step === this.prepared.info.step) return error
    if (error.code !== 'device_lost') await this.save().catch(() => {})
    const { saved } = this
    const resume = saved && `train({ resume: ${JSON.stringify(saved.path)} })`
    const why = this.prepared.out === undefined ? 'no `out` was given' : 'no `checkpointInterval` had passed'
    const remedy = saved
      ? `What was saved after step ${saved.step} is safe: ${resume} goes on from there`
      : `Nothing was saved, as ${why}`
    return new NanoGptError(error.code, `${error.message}. ${remedy}`, { cause: error })
  }

  private async evaluate(): Promise<void> {
    if (this.evaluatedAt === this.step) return
    const { evalBatches } = this.training
    const begun = performance.now()
    const means: number[] = []
    for (const [index, split] of (['train', 'validation'] as const).entries()) {
      const losses = await this.evaluateSplit(split, evalBatches, index * evalBatches)
      if (losses.length < evalBatches) return
      means.push(losses.reduce((a, b) => a + b, 0) / evalBatches)
    }
    const [trainLoss, valLoss] = means
    const exactValLoss = await this.exactLoss()
    if (this.options.exactEvaluation && exactValLoss === undefined) return
    const deciding = exactValLoss ?? valLoss
    const best = deciding < (this.best?.valLoss ?? Infinity)
    if (best) this.best = { step: this.step, valLoss: deciding }
    this.evaluatedAt = this.step
    this.emit({
      type: 'evaluation',
      step: this.step,
      trainLoss,
      valLoss,
      ...(exactValLoss !== undefined && { exactValLoss }),
      best,
      seconds: (performance.now() - begun) / 1000,
    })
    if (best && this.step > 0 && this.prepared.out !== undefined) await this.write(files.best)
  }

  /** The loss over the whole validation split, if it is wanted and the run isn't being stopped. */
  private async exactLoss(): Promise<number | undefined> {
    if (!this.options.exactEvaluation) return undefined
    try {
      return await this.exact.of(this.prepared.corpus.validation, this.stop)
    } catch (error) {
      // Stopping the run cancels this too.
      if (this.stopping) return undefined
      throw error
    }
  }

  /** The losses of all batches, or of fewer if the run is being stopped. */
  private async evaluateSplit(split: Split, batches: number, before: number): Promise<number[]> {
    const losses: number[] = []
    let perCall = 1
    while (losses.length < batches && !this.stopping) {
      const count = Math.min(perCall, batches - losses.length)
      const result = await this.prepared.trainer.evaluate(split, losses.length, count)
      if (result.failure && result.failure.code !== 'cancelled') {
        throw new NanoGptError(
          result.failure.code,
          `evaluation at step ${this.step}: ${result.failure.message}`,
        )
      }
      losses.push(...result.losses)
      perCall = Math.max(1, Math.floor((secondsPerCall * count) / result.seconds))
      this.emit({ type: 'evaluating', step: this.step, done: before + losses.length, total: 2 * batches })
    }
    return losses
  }

  private async sample(): Promise<void> {
    const maxTokens = this.options.sampleTokens ?? samplingDefaults.sampleTokens
    try {
      const text = await this.model.generate({
        maxTokens,
        seed: BigInt(this.prepared.info.seed),
        signal: this.stop,
      })
      this.emit({ type: 'sample', step: this.step, text })
    } catch (error) {
      // Stopping the run cancels the sample too.
      if (!this.stopping) throw error
    }
  }

  private async save(): Promise<void> {
    if (this.prepared.out === undefined || this.savedAt === this.step) return
    await this.write(files.last)
    this.savedAt = this.step
  }

  private async write(file: string): Promise<void> {
    const path = join(this.prepared.out!, file)
    const tensors = await readTensors(
      this.prepared.session,
      savedTensors(this.prepared.parameters, this.training),
    )
    await writeCheckpoint(path, this.info(), tensors)
    this.saved = { step: this.step, path: file === files.last ? this.prepared.out! : path }
    this.emit({ type: 'checkpoint', step: this.step, path })
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
