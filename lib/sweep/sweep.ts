// sweep(): trains a grid of runs, one after another, in one folder.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Model } from '../api/model'
import { loadAddon } from '../backend/native/addon'
import { isCheckpointName } from '../checkpoint/folder'
import { NanoGptError, option, say } from '../errors'
import { removeLeftovers, writeFileAtomic } from '../files/atomic'
import { lockFolder } from '../files/lock'
import { attempt, machineOptions, pick, type SweepOptions, type TrainOptions } from '../options'
import type { EvaluationEvent } from '../train/events'
import { Job, type JobControl } from '../train/job'
import { train } from '../train/train'
import { csvFile, csvOf } from './csv'
import { type SweepEvent, unreadSweep } from './events'
import { record, refuseForeign, type State, stateOf, sweepFile } from './file'
import { checkSweepOptions, type SweepPlan } from './grid'
import { isDone, isOfOneRun, type SweepRun } from './runs'
import { type Table, tableOf } from './table'

export interface SweepResult extends Table {
  readonly out: string
  /** Whether the sweep was stopped before its last run. The same call continues it. */
  readonly stopped: boolean
  readonly runs: readonly SweepRun[]
}

/**
 * Trains every combination of the values in `vary`, one run after another, each in a folder of its own
 * in `out`. The seed varies too: it is the noise that a difference has to exceed. A run that diverges is
 * part of the result, and the sweep goes on.
 *
 * The same call continues a sweep that was stopped or killed. With more values it extends the sweep.
 *
 * @returns a job, as `train` does: await it for the table, iterate it for progress
 * @throws nothing; for invalid options, text or device the run rejects with a NanoGptError, as `train()`
 *   does, or with 'sweep' if `out` has another sweep and 'run_busy' if one is running there
 */
export function sweep(options: SweepOptions): Job<SweepResult, SweepEvent> {
  const checked = attempt(() => checkSweepOptions(options))
  return new Job(async (control) => new Sweep(checked(), control).run(), unreadSweep)
}

class Sweep {
  private state: State = { runs: [], text: null }

  constructor(
    private readonly plan: SweepPlan,
    private readonly control: JobControl<SweepEvent>,
  ) {}

  async run(): Promise<SweepResult> {
    const { out, shared } = this.plan
    const begun = performance.now()
    shared.signal?.throwIfAborted()
    await refuseForeign(out)
    using _lock = await lockFolder(out, loadAddon().addon?.lockFile)
    await removeLeftovers(out, (name) => name === sweepFile || name === csvFile)
    this.state = await stateOf(this.plan)
    await this.save()
    const { runs } = this.state
    this.control.emit({ type: 'start', out, runs: [...runs] })
    for (let i = 0; i < runs.length && !this.stopping; i++) if (!isDone(runs[i])) await this.make(i)
    const stopped = this.stopping && !runs.every(isDone)
    this.control.emit({ type: 'end', stopped, seconds: (performance.now() - begun) / 1000 })
    return { out, stopped, runs, ...tableOf(runs) }
  }

  private get stopping(): boolean {
    return this.control.stopped.aborted
  }

  /** Makes the run at index `i`, or continues it. */
  private async make(i: number): Promise<void> {
    const { runs } = this.state
    const [number, total] = [i + 1, runs.length]
    const run = { ...runs[i], state: 'waiting', error: null } as const
    const out = join(this.plan.out, run.name)
    const resumes = await hasCheckpoint(out)
    this.control.emit({ type: 'run', run, number, total, resumes })
    const { shared } = this.plan
    const fresh = { ...shared, ...run.options, out } as TrainOptions
    const machine = pick(shared, [
      ...(Object.keys(machineOptions) as (keyof typeof machineOptions)[]),
      'signal',
    ])
    let made = await this.train(run, resumes ? { ...machine, resume: out } : fresh)
    // The process was killed after the last checkpoint, before its result was recorded.
    if (made === undefined && !this.stopping) made = await this.train(run, { ...fresh, overwrite: true })
    runs[i] = made ?? run
    await this.save()
    if (runs[i].state !== 'waiting') this.control.emit({ type: 'result', run: runs[i], number, total })
  }

  /**
   * Trains until the end, a failure or a stop.
   *
   * @returns undefined if no step is left, but the final loss is not known
   */
  private async train(run: SweepRun, options: TrainOptions): Promise<SweepRun | undefined> {
    const training = train(options)
    const stop = () => training.stop()
    const { stopped } = this.control
    stopped.addEventListener('abort', stop)
    if (stopped.aborted) stop()
    const begun = performance.now()
    const spent = () => ({ ...run, seconds: run.seconds + (performance.now() - begun) / 1000 })
    let steps = Infinity
    let last: EvaluationEvent | undefined
    try {
      for await (const event of training) {
        this.control.emit({ type: 'training', run: run.name, event })
        if (event.type === 'start') {
          steps = event.steps
          this.state.text ??= event.plan.data.digest
          if (event.plan.data.digest !== this.state.text) stop()
        }
        if (event.type === 'evaluation') last = event
      }
      await using model = await training
      if (model.info.data!.digest !== this.state.text) throw this.otherText(run)
      if (model.info.step! < steps) return spent()
      return last?.step === steps ? finished(spent(), model, last) : undefined
    } catch (error) {
      // A run that is stopped while it reads its text rejects, too.
      if (stopped.aborted && (error as Error | undefined)?.name === 'AbortError') return spent()
      if (!(error instanceof NanoGptError) || !isOfOneRun(error.code)) throw error
      const { code, reason: message } = error
      return { ...spent(), state: 'failed', error: { code, message } }
    } finally {
      stopped.removeEventListener('abort', stop)
    }
  }

  /** The error for a text that has changed between two runs. A resumed run checks its text itself. */
  private otherText({ name }: SweepRun): NanoGptError {
    const { out } = this.plan
    return new NanoGptError('data', {
      where: 'sweep',
      subject: out,
      reason: 'the text has changed since the first run, so that losses could not be compared',
      remedy: say`restore the text and delete ${join(out, name)}, or give another ${option('out')}`,
    })
  }

  private async save(): Promise<void> {
    await record(this.plan, this.state)
    await writeFileAtomic(join(this.plan.out, csvFile), [Buffer.from(csvOf(this.state.runs))])
  }
}

function finished(run: SweepRun, { info }: Model, last: EvaluationEvent): SweepRun {
  const final = {
    valLoss: last.exactValLoss ?? last.valLoss,
    valBitsPerByte: last.exactValBitsPerByte ?? last.valBitsPerByte,
  }
  const { step, valLoss, valBitsPerByte = final.valBitsPerByte } = info.best ?? { step: last.step, ...final }
  return { ...run, state: 'finished', best: { step, valLoss, valBitsPerByte }, final }
}

async function hasCheckpoint(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(() => [])).some(isCheckpointName)
}
