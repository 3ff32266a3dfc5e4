// train(): prepares data, model and device, then runs the loop: steps, evaluations, samples and checkpoints, each in its turn.

import { join, resolve } from 'node:path'
import type { Session } from '../backend/backend'
import { openSession } from '../backend/devices'
import {
  type Checkpoint,
  type CheckpointInfo,
  files,
  readCheckpoint,
  writeCheckpoint,
} from '../checkpoint/checkpoint'
import { corpusNames, loadText } from '../data/corpus'
import { splitTokens } from '../data/split'
import { NanoGptError } from '../errors'
import { createModel } from '../model/architecture'
import { Model } from '../model/model'
import type { Split } from '../model/programs'
import { initializeWeights, loadTensors, readTensors } from '../model/weights'
import { seedFrom } from '../random/philox'
import { CharTokenizer } from '../tokenizer/char'
import { type Tokenizer, tokenizerFromJSON } from '../tokenizer/tokenizer'
import { version } from '../version'
import type { TrainEvent } from './events'
import {
  type CheckedOptions,
  checkTrainOptions,
  type Resolved,
  resolveNew,
  resolveResumed,
  type TrainOptions,
} from './options'
import { Run, type RunControl } from './run'
import { optimizerState, Trainer } from './trainer'

/** A native call makes as many steps as take about this long: the event loop stays in touch, and overhead stays small. */
const secondsPerCall = 0.05
const mostStepsPerCall = 4096
/** Step events come no more often than this. */
const secondsPerEvent = 0.05

/**
 * Trains a model on a text.
 *
 * @returns a `Run`: await it for the model, iterate it for progress
 * @throws nothing itself; bad options, data or devices reject the run with a NanoGptError
 */
export function train(options: TrainOptions = {}): Run<Model> {
  return new Run(async (control) => {
    const checked = checkTrainOptions(options)
    checked.signal?.throwIfAborted()
    const training = await Training.prepare(checked, control)
    return training.loop()
  })
}

class Training {
  private step: number
  private best: CheckpointInfo['best']
  private secondsPerStep = 0
  private evaluatedAt = -1
  private savedAt = -1

  private constructor(
    private readonly options: CheckedOptions,
    private readonly control: RunControl,
    private readonly resolved: Resolved,
    private readonly session: Session,
    private readonly trainer: Trainer,
    private readonly model: Model,
    private readonly base: CheckpointInfo,
    private readonly trainTokens: Readonly<Record<Split, number>>,
    private readonly out: string | undefined,
  ) {
    this.step = base.step
    this.best = base.best
  }

  static async prepare(options: CheckedOptions, control: RunControl): Promise<Training> {
    const checkpoint = options.resume === undefined ? undefined : await readCheckpoint(options.resume, 'last')
    const resolved = checkpoint ? resolveResumed(options, checkpoint) : resolveNew(options)
    const { tokenizer, text } = await prepareText(options, checkpoint)
    const corpus = splitTokens(tokenizer.encode(text.text), resolved.model.blockSize)
    const config = { ...resolved.model, vocabSize: tokenizer.vocabSize }
    const { model: architecture, parameters } = createModel(config)
    const session = await openSession(options)
    try {
      const seed = seedFrom(resolved.seed)
      const named = parameters.map(({ path, shape }) => ({ name: path, shape }))
      if (checkpoint) await loadTensors(session, [...named, ...optimizerState(parameters)], checkpoint)
      else {
        await initializeWeights(session, parameters, seed)
        for (const { name, shape } of optimizerState(parameters)) await session.allocate(name, 'f32', shape)
      }
      const trainer = await Trainer.create({
        session,
        model: architecture,
        parameters,
        training: resolved.training,
        seed,
        corpus,
      })
      const base: CheckpointInfo = {
        version,
        model: config,
        training: resolved.training,
        tokenizer: tokenizer.toJSON(),
        step: checkpoint?.info.step ?? 0,
        seed: String(resolved.seed),
        data: {
          name: text.name,
          digest: text.digest,
          source:
            (checkpoint && options.data === undefined ? checkpoint.info.data.source : sourceOf(options)) ??
            null,
        },
        device: session.device,
        best: checkpoint?.info.best ?? null,
      }
      // The model that the run resolves with says what the training has come to.
      let training: Training
      const parts = {
        session,
        architecture,
        parameters,
        tokenizer,
        get info() {
          return training.info()
        },
      }
      const sizes = { train: corpus.train.length, validation: corpus.validation.length }
      const out = options.out ?? (checkpoint && folderOf(options.resume!, checkpoint))
      training = new Training(
        options,
        control,
        resolved,
        session,
        trainer,
        new Model(parts),
        base,
        sizes,
        out,
      )
      return training
    } catch (error) {
      await session.dispose()
      throw error
    }
  }

  async loop(): Promise<Model> {
    const begun = performance.now()
    const cancel = () => this.session.cancel()
    const { signal } = this.options
    this.control.stopped.addEventListener('abort', cancel)
    signal?.addEventListener('abort', cancel)
    try {
      this.start()
      await this.pause()
      while (this.step < this.resolved.training.steps && !this.stopping) {
        await this.advance()
        await this.pause()
      }
      await this.save()
      signal?.throwIfAborted()
      this.emit({
        type: 'end',
        step: this.step,
        stopped: this.stopping,
        seconds: (performance.now() - begun) / 1000,
      })
      return this.model
    } catch (error) {
      await this.session.dispose()
      throw error
    } finally {
      this.control.stopped.removeEventListener('abort', cancel)
      signal?.removeEventListener('abort', cancel)
    }
  }

  info(): CheckpointInfo {
    return { ...this.base, step: this.step, best: this.best }
  }

  private get stopping(): boolean {
    return this.control.stopped.aborted || (this.options.signal?.aborted ?? false)
  }

  private emit(event: TrainEvent): void {
    this.control.emit(event)
  }

  private start(): void {
    const { model, training, seed, data } = this.base
    this.emit({
      type: 'start',
      device: this.session.device,
      parameters: this.model.parameterCount,
      step: this.step,
      steps: this.resolved.training.steps,
      config: { model, training, seed, data },
      trainTokens: this.trainTokens.train,
      validationTokens: this.trainTokens.validation,
    })
  }

  /** What is due between steps: evaluation, sample, checkpoint. */
  private async pause(): Promise<void> {
    const { evalInterval } = this.resolved.training
    const { sampleInterval = 0, checkpointInterval = evalInterval } = this.options
    const last = this.step === this.resolved.training.steps
    const resumed = this.step === this.base.step && this.step > 0
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
      const { losses, gradientNorms, seconds, failure } = await this.trainer.steps(this.step, count)
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
    const { evalInterval } = this.resolved.training
    const { sampleInterval = 0, checkpointInterval = evalInterval } = this.options
    const next = [evalInterval, sampleInterval, checkpointInterval]
      .filter((interval) => interval > 0)
      .map((interval) => (Math.floor(this.step / interval) + 1) * interval)
    return Math.min(this.resolved.training.steps, ...next)
  }

  private callLength(left: number): number {
    if (this.secondsPerStep === 0) return 1
    const wanted = Math.floor(secondsPerCall / this.secondsPerStep)
    return Math.max(1, Math.min(left, wanted, mostStepsPerCall))
  }

  private report({ from, losses, gradientNorms, seconds }: Pending): void {
    if (losses.length === 0) return
    const tokensPerSecond = (losses.length * this.trainer.tokensPerStep) / seconds
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
        ? await this.trainer.explain(this.step, failure as never)
        : new NanoGptError(failure.code, `step ${this.step}: ${failure.message}`)
    await this.save()
    throw error
  }

  private async evaluate(): Promise<void> {
    if (this.evaluatedAt === this.step) return
    const { evalBatches } = this.resolved.training
    const begun = performance.now()
    const means: number[] = []
    for (const [index, split] of (['train', 'validation'] as const).entries()) {
      const losses = await this.evaluateSplit(split, evalBatches, index * evalBatches)
      if (losses.length < evalBatches) return
      means.push(losses.reduce((a, b) => a + b, 0) / evalBatches)
    }
    const [trainLoss, valLoss] = means
    const best = valLoss < (this.best?.valLoss ?? Infinity)
    if (best) this.best = { step: this.step, valLoss }
    this.evaluatedAt = this.step
    this.emit({
      type: 'evaluation',
      step: this.step,
      trainLoss,
      valLoss,
      best,
      seconds: (performance.now() - begun) / 1000,
    })
    if (best && this.step > 0 && this.out !== undefined) await this.write(files.best)
  }

  /** The losses of all batches, or of fewer if the run is being stopped. */
  private async evaluateSplit(split: Split, batches: number, before: number): Promise<number[]> {
    const losses: number[] = []
    let perCall = 1
    while (losses.length < batches && !this.stopping) {
      const count = Math.min(perCall, batches - losses.length)
      const result = await this.trainer.evaluate(split, losses.length, count)
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
    const maxTokens = this.options.sampleTokens ?? 200
    try {
      const text = await this.model.generate({ maxTokens, seed: this.resolved.seed, signal: this.control.stopped })
      this.emit({ type: 'sample', step: this.step, text })
    } catch (error) {
      // Stopping the run cancels the sample too.
      if (!this.stopping) throw error
    }
  }

  private async save(): Promise<void> {
    if (this.out === undefined || this.savedAt === this.step) return
    await this.write(files.last)
    this.savedAt = this.step
  }

  private async write(file: string): Promise<void> {
    const path = join(this.out!, file)
    const { parameters } = createModel(this.base.model)
    const named = parameters.map(({ path, shape }) => ({ name: path, shape }))
    await writeCheckpoint(
      path,
      this.info(),
      await readTensors(this.session, [...named, ...optimizerState(parameters)]),
    )
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

/** The text and its tokenizer. A resumed run must be given the text that it began with, to the character. */
async function prepareText(options: CheckedOptions, checkpoint?: Checkpoint) {
  const info = checkpoint?.info
  const source = options.data ?? (info ? info.data.source : 'shakespeare')
  if (source === null) {
    throw new NanoGptError(
      'data',
      `train: ${checkpoint!.path} was trained on a text given as { text }: give the same text as \`data\` to go on`,
    )
  }
  const text = await loadText(source)
  if (info && text.digest !== info.data.digest) {
    throw new NanoGptError(
      'data',
      `train: ${checkpoint.path} was trained on another text (${info.data.name}, sha256 ${info.data.digest.slice(0, 12)}…) than ` +
        `${text.name} (sha256 ${text.digest.slice(0, 12)}…). Give \`data\` the text it began with, or start a new run`,
    )
  }
  const tokenizer: Tokenizer = info ? tokenizerFromJSON(info.tokenizer) : CharTokenizer.fromText(text.text)
  return { text, tokenizer }
}

/** Where the text can be found again: a corpus's name or an absolute path; undefined for a text given as such. */
function sourceOf({ data }: CheckedOptions): string | undefined {
  if (typeof data !== 'string') return data === undefined ? 'shakespeare' : undefined
  return corpusNames.includes(data) ? data : resolve(data)
}

function folderOf(resume: string, { path }: Checkpoint): string {
  return path === resume ? join(path, '..') : resume
}
