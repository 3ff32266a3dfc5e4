// Computes the state of a run at a step again, one at a time. The results stay until the studio ends.

import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describeCheckpoint } from '../checkpoint/checkpoint'
import { checkpointsIn, stepFile } from '../checkpoint/folder'
import { copyRegularFile } from '../files/read'
import { textFile } from '../history/folder'
import { readFork } from '../history/fork'
import { readRun } from '../history/read'
import type { RunRecord } from '../history/types'
import type { TrainOptions } from '../options'
import { type Replayed, replay } from '../train/replay'
import type { Moments } from './moments'
import { RequestError } from './respond'

/** The largest number of results that are kept. */
const mostKept = 8
/** The time between two reports of the progress, in milliseconds. */
const millisecondsPerReport = 200

/** How far a rebuild is. */
export interface Progress {
  readonly id: string
  readonly step: number
  /** Steps made, and to make. */
  readonly done: number
  readonly total: number
}

interface Rebuild {
  readonly folder: string
  readonly step: number
  readonly controller: AbortController
  readonly result: Promise<Replayed>
}

export class Rebuilder {
  private current: Rebuild | undefined
  private temporary: string | undefined
  private count = 0
  private readonly kept: string[] = []

  constructor(
    private readonly moments: Moments,
    /** Called with null at the end of a rebuild. */
    private readonly publish: (progress: Progress | null) => void,
    /** Throws if a run has begun meanwhile, or the studio ends. */
    private readonly refuseBusy: () => void,
  ) {}

  /**
   * Computes the state of a run at a step, unless it is at hand. A rebuild of another step ends.
   *
   * @returns what it passed on its way; null: it was at hand
   * @throws RequestError if it is cancelled or the run has not come so far; the errors of `replay`
   */
  async rebuild(id: string, folder: string, step: number): Promise<Replayed | null> {
    if ((await this.moments.wholeAt(folder, step)) !== undefined) return null
    const { current } = this
    if (current?.folder === folder && current.step === step) return current.result
    // Another call may begin one in the meantime.
    while (this.current) await this.cancel()
    this.refuseBusy()
    const controller = new AbortController()
    const result = this.replay(id, folder, step, controller.signal).catch((error) => {
      throw controller.signal.aborted ? new RequestError(409, 'It was cancelled.') : error
    })
    this.current = { folder, step, controller, result }
    try {
      return await result
    } finally {
      this.current = undefined
      this.publish(null)
    }
  }

  /** @throws RequestError if a rebuild is in progress */
  refuseRebuild(): void {
    if (this.current)
      throw new RequestError(409, 'A step is being rebuilt. Wait until that is done, or cancel it.')
  }

  /** Ends the rebuild in progress, and waits for its end. */
  async cancel(): Promise<void> {
    this.current?.controller.abort()
    await this.current?.result.catch(() => {})
  }

  async close(): Promise<void> {
    await this.cancel()
    process.off('exit', this.removeAll)
    this.removeAll()
  }

  /** Also at the exit of a process that has no time to close. */
  private readonly removeAll = () => {
    if (this.temporary) rmSync(this.temporary, { recursive: true, force: true })
  }

  /** The folder of the results. */
  private async place(): Promise<string> {
    if (this.temporary === undefined) {
      this.temporary = await mkdtemp(join(tmpdir(), 'nano-gpt-studio-'))
      process.on('exit', this.removeAll)
    }
    return this.temporary
  }

  private async replay(id: string, folder: string, step: number, signal: AbortSignal): Promise<Replayed> {
    const run = await readRun(folder)
    if (step > run.step)
      throw new RequestError(409, `The run is at step ${run.step}, so it has no step ${step}.`)
    const { start, from } = await this.startOf(run, step)
    const path = join(await this.place(), String(this.count++), stepFile(step))
    let next = 0
    const { device = 'auto', instructionSet } = {
      ...run.options,
      device: run.history.sessions.at(-1)?.device,
    }
    const result = await replay(
      { ...start, device, ...(instructionSet && { instructionSet }), signal } as TrainOptions,
      {
        ...{ until: step, run, changes: await changesOf(folder), path },
        progress: (at) => {
          const now = performance.now()
          if (now < next) return
          next = now + millisecondsPerReport
          this.publish({ id, step, done: at - from, total: step - from })
        },
      },
    )
    // A later one may begin from this one, and needs the text.
    await copyRegularFile(join(folder, textFile), join(dirname(path), textFile)).catch(() => {})
    await this.moments.add(folder, { step, path, isWhole: true })
    this.kept.push(path)
    if (this.kept.length > mostKept) {
      const oldest = this.kept.shift()!
      this.moments.remove(oldest)
      await rm(dirname(oldest), { recursive: true, force: true })
    }
    return result
  }

  /** The newest state before a step, or the beginning of the run. */
  private async startOf({ folder }: RunRecord, step: number): Promise<{ start: TrainOptions; from: number }> {
    const whole = (await this.moments.of(folder)).findLast((each) => each.isWhole && each.step <= step)
    if (whole) return { start: { resume: whole.path }, from: whole.step }
    if (await readFork(folder))
      throw new RequestError(409, 'The fork begins later. The run that it continues has this step.')
    return { start: { config: folder }, from: 0 }
  }
}

/** What resumed sessions changed, as the newest checkpoint says that is not damaged. */
async function changesOf(folder: string) {
  for (const name of await checkpointsIn(folder, 'last').catch(() => [])) {
    const found = await describeCheckpoint(join(folder, name)).catch(() => undefined)
    if (found) return found.info.changes ?? []
  }
  return []
}
