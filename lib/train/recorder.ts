// Keeps the history of a run: in memory, and in the run folder as metrics.jsonl. Training never waits
// for the disk. A write that fails is repeated later, as a whole new file from the history in memory.

import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { machine } from '../backend/machine'
import type { CheckpointInfo } from '../checkpoint/checkpoint'
import { files } from '../checkpoint/folder'
import { NanoGptError, reasonOf, say } from '../errors'
import { appendToFile, writeFileAtomic } from '../files/atomic'
import { bucketOf, firstSteps } from '../history/buckets'
import { HistoryFile } from '../history/file'
import { metricsFile, planFile, readPlanOf } from '../history/folder'
import { History } from '../history/history'
import { cutText, type EndRecord, encodeLine, type Line, type PartialRecord } from '../history/lines'
import type { StepRecord } from '../history/types'
import { stepInputs } from '../optim/update'
import { version } from '../version'
import type { TrainEvent, WarningEvent } from './events'
import type { Plan } from './plan'
import type { SpikeDetector } from './spikes'

/** The time between two writes without a checkpoint, in milliseconds. */
const millisecondsPerWrite = 1000
/** The time after a failed write before the next attempt. */
const millisecondsToRetry = 30_000
/**
 * Lines that others have replaced stay in the file until it has doubled, and grown by this many bytes.
 * Then it is written anew.
 */
const leastGrowth = 1 << 20
/** Lines that are encoded at once: about a millisecond of work. */
const linesPerChunk = 256

export interface RecorderOptions {
  readonly plan: Plan
  readonly tokensPerStep: number
  /** Its state is kept with each checkpoint. */
  readonly spikes: SpikeDetector
  /** What the run begins with, as its checkpoint would have it. */
  readonly info: CheckpointInfo
  /** The checkpoint that a resumed run continues. */
  readonly resumed: string | undefined
  /** Whether the run has warned of a disk that fails, because a checkpoint is not saved. */
  isWarned(): boolean
  emit(event: WarningEvent): void
}

/** The sums of the bucket of the next step. */
interface Open {
  readonly from: number
  /** The end of the bucket. */
  readonly until: number
  /** The time of all updates before `from`. */
  readonly since: number
  sum: number
  counted: number
  gradientNorm: number | null
}

export class Recorder {
  readonly history = new History()
  private open = emptyAt(0, 0)
  private step = 0
  private seconds = 0
  /** Whether the newest updates of the open bucket are in no line. */
  private isAhead = false
  /** Lines that are not written yet. */
  private waiting: Line[] = []
  /** Whether the file has to be written anew. */
  private isStale = true
  /** Whether this run has written its plan.json. */
  private hasPlan = false
  /** The size of the file, and what it was when it was written anew. */
  private bytes = 0
  private bytesAnew = 0
  private isFlushed = false
  private failure: { readonly error: NanoGptError; readonly at: number; told: boolean } | undefined
  /** Never rejects. */
  private writing: Promise<void> = Promise.resolve()
  private isWriting = false
  private clock: NodeJS.Timeout | undefined

  constructor(private readonly options: RecorderOptions) {}

  /** Begins to write, after what a resumed run did before. Call when the run folder is ready. */
  async begin(device: string): Promise<void> {
    const { plan } = this.options
    this.step = plan.step
    this.open = emptyAt(this.step, 0)
    if (plan.begins === 'resume') await this.resume()
    const time = new Date().toISOString()
    const resumed = plan.begins === 'resume'
    const session = { step: this.step, time, version, device, machine: describeMachine(), resumed }
    this.add(['session', session])
    this.clock = setInterval(() => this.tick(), millisecondsPerWrite).unref()
    await this.flush()
  }

  /** Reads the history of the run that is resumed, up to its checkpoint. */
  private async resume(): Promise<void> {
    const { history } = this
    const { plan, info, resumed, spikes } = this.options
    const folder = dirname(resumed!)
    const cut = { step: plan.step, evaluation: info.done.evaluation, sample: info.done.sample }
    // Without the plan of a run, the file is of something else.
    if (await readPlanOf(folder)) {
      const file = new HistoryFile(join(folder, metricsFile), cut)
      await file.read().catch(() => {}) // What cannot be read is left out.
      for (const line of file.history.lines()) history.add(line)
    }
    const partial = history.partialAt(plan.step)
    this.seconds = partial?.seconds ?? history.seconds
    this.open = { ...emptyAt(partial?.from ?? this.step, this.seconds), ...partial }
    if (partial?.spikes) spikes.restore(partial.spikes)
    // A run that is killed right after a save has not recorded the checkpoint.
    const names = info.best?.step === plan.step ? [files.best, files.last] : [files.last]
    for (const name of names) {
      if (!history.hasCheckpoint(name, plan.step)) history.add(['checkpoint', { step: plan.step, name }])
    }
  }

  /**
   * Records updates `from` … `from + losses.length − 1`. Those with a loss of NaN were skipped.
   *
   * @param seconds of all of them
   */
  steps(from: number, losses: readonly number[], gradientNorms: readonly number[], seconds: number): void {
    const [before, count] = [this.seconds, losses.length]
    for (let i = 0; i < count; ) {
      const { open } = this
      const end = Math.min(count, open.until - from)
      for (; i < end; i++) {
        if (Number.isNaN(losses[i])) continue
        open.sum += losses[i]
        open.counted++
        open.gradientNorm = Math.max(open.gradientNorm ?? 0, gradientNorms[i])
      }
      this.step = from + end
      this.seconds = before + (seconds * end) / count
      if (this.step < open.until) break
      this.add(['steps', this.record()])
      this.open = emptyAt(this.step, this.seconds)
    }
    if (this.step > this.open.from) this.history.add(this.partial())
    this.isAhead = true
  }

  /** Records an event, if it belongs to the history. */
  event(event: TrainEvent): void {
    if (event.type === 'evaluation') {
      const { type, ...losses } = event
      this.add([type, { ...losses, seconds: this.seconds }])
    } else if (event.type === 'sample') {
      this.add(['sample', { step: event.step, text: cutText(event.text) }])
    } else if (event.type === 'checkpoint') {
      this.add(['checkpoint', { step: event.step, name: basename(event.path) }])
    } else if (event.type === 'warning') {
      const { step, code, message } = event
      this.add(['warning', { step, code, message: cutText(String(message)) }])
    }
  }

  /** Call when a checkpoint of this step is made. `flush` must follow before it is written. */
  checkpoint(isBest: boolean): void {
    const { spikes } = this.options
    this.add(this.partial({ checkpoint: isBest ? 'best' : 'last', spikes: spikes.state }))
  }

  /** Records how the session ends, and writes the rest. */
  async end(state: EndRecord['state'], reason?: string): Promise<void> {
    if (this.clock === undefined) return // It has not begun, or has ended.
    clearInterval(this.clock)
    this.clock = undefined
    this.addAhead()
    const why = reason === undefined ? {} : { reason: cutText(reason) }
    this.add(['end', { step: this.step, time: new Date().toISOString(), state, ...why }])
    await this.flush()
    if (this.failure) await this.flush()
    this.warn()
  }

  /** Writes all lines so far to the disk, unless it fails: `warn` tells. */
  flush(): Promise<void> {
    return this.write(true)
  }

  /** Emits a warning if the newest write failed, once. */
  warn(): void {
    const { failure } = this
    if (!failure || failure.told || this.options.isWarned()) return
    failure.told = true
    this.options.emit({
      type: 'warning',
      step: this.step,
      code: failure.error.code,
      message: say`the history of the run is not saved: ${failure.error.message}. Training goes on, and saving it is tried again`,
    })
  }

  private tick(): void {
    this.addAhead()
    const { failure } = this
    const isLate = !failure || performance.now() - failure.at >= millisecondsToRetry
    if (this.isWriting || !isLate) return
    this.write(false).then(() => this.warn())
  }

  /** Makes the newest updates known to readers. */
  private addAhead(): void {
    if (this.isAhead && this.step > this.open.from) this.add(this.partial())
    this.isAhead = false
  }

  private add(line: Line): void {
    this.history.add(line)
    if (this.options.plan.out !== null) this.waiting.push(line)
  }

  /** The open bucket, up to the newest step. */
  private record(): StepRecord {
    const { plan, tokensPerStep } = this.options
    const { from, since, sum, counted, gradientNorm } = this.open
    const { step: to, seconds } = this
    const took = seconds - since
    return {
      from,
      to,
      loss: counted > 0 ? sum / counted : null,
      learningRate: stepInputs(Math.max(from, to - 1), plan.training).learningRate,
      gradientNorm,
      tokensPerSecond: took > 0 ? Math.round(((to - from) * tokensPerStep) / took) : 0,
      seconds: Math.round(seconds * 1e6) / 1e6,
    }
  }

  private partial(more: Partial<PartialRecord> = {}): Line {
    const { sum, counted, since } = this.open
    return ['partial', { ...this.record(), sum, counted, since, ...more }]
  }

  private write(flushes: boolean): Promise<void> {
    const { out } = this.options.plan
    if (out === null) return Promise.resolve()
    this.writing = this.writing.then(async () => {
      this.isWriting = true
      try {
        await this.writeTo(out, flushes)
        this.failure = undefined
      } catch (cause) {
        this.isStale = true
        const error =
          cause instanceof NanoGptError ? cause : new NanoGptError('write_failed', reasonOf(cause), { cause })
        this.failure = { error, at: performance.now(), told: this.failure?.told ?? false }
      }
      this.isWriting = false
    })
    return this.writing
  }

  private async writeTo(out: string, flushes: boolean): Promise<void> {
    const path = join(out, metricsFile)
    if (this.bytes > 2 * this.bytesAnew + leastGrowth) this.isStale = true
    if (this.isStale) {
      // What comes while this is written is appended to it.
      this.waiting = []
      const lines = this.history.lines()
      await this.writePlan(out)
      this.bytes = 0
      await writeFileAtomic(path, this.counted(lines))
      this.isStale = false
      this.isFlushed = true
      this.bytesAnew = this.bytes
    }
    if (this.waiting.length === 0 && (this.isFlushed || !flushes)) return
    const bytes = Buffer.concat([...chunksOf(this.waiting)])
    this.waiting = []
    await appendToFile(path, bytes, this.bytes, flushes)
    this.bytes += bytes.length
    this.isFlushed = flushes
  }

  /** The lines of a new file. Their size is counted while they are written. */
  private *counted(lines: readonly Line[]): Generator<Uint8Array> {
    for (const chunk of chunksOf(lines)) {
      this.bytes += chunk.length
      yield chunk
    }
  }

  /** plan.json comes first, because only with it a metrics.jsonl is known to be a run's. */
  private async writePlan(out: string): Promise<void> {
    const path = join(out, planFile)
    if (this.hasPlan && existsSync(path)) return
    await writeFileAtomic(path, [Buffer.from(`${JSON.stringify(this.options.plan, null, 2)}\n`)])
    this.hasPlan = true
  }
}

function emptyAt(from: number, since: number): Open {
  return { from, until: bucketOf(from, firstSteps).to, since, sum: 0, counted: 0, gradientNorm: null }
}

/** Encodes some lines at a time, so that other events are handled between them. */
function* chunksOf(lines: readonly Line[]): Generator<Uint8Array> {
  for (let i = 0; i < lines.length; i += linesPerChunk) {
    const some = lines.slice(i, i + linesPerChunk)
    yield Buffer.from(some.map(encodeLine).join(''))
  }
}

/** `linux-x64, Intel(R) Xeon(R) CPU, 8 cores` */
function describeMachine(): string {
  const { platform, processor, cores } = machine()
  const known = processor === 'unknown' ? [] : [processor]
  return [platform, ...known, `${cores} ${cores === 1 ? 'core' : 'cores'}`].join(', ')
}
