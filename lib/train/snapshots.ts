// Snapshots: the weights along a run, in the folder `snapshots` of the run folder. They are copied between
// two steps, and written beside the training, which never waits for them. One that cannot be written is
// left out: its step can be computed again.

import { readdir, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Model } from '../api/model'
import { checkpointChunks } from '../checkpoint/checkpoint'
import { snapshotFile, snapshotsFolder, snapshotsIn, stepFile, stepOf } from '../checkpoint/folder'
import { NanoGptError, reasonOf, say } from '../errors'
import { codeOf, makeFolderIn, removeLeftovers, writeFileAtomic } from '../files/atomic'
import type { TrainEvent } from './events'
import { mostSnapshotsOf, nextSnapshot, snapshotSteps } from './snapshot_steps'

/** In bytes. If copies of this size wait to be written, the next snapshot is left out. */
const mostWaiting = 64 << 20

export interface SnapshotOptions {
  /** The run folder. */
  readonly out: string
  readonly evalInterval: number
  emit(event: TrainEvent): void
}

export class Snapshots {
  private readonly steps = new Set<number>()
  /** Their largest number. */
  private readonly most: number
  private waiting = 0
  /** Never rejects. */
  private writing: Promise<void> = Promise.resolve()
  private isWarned = false

  constructor(
    private readonly model: Model,
    private readonly options: SnapshotOptions,
  ) {
    this.most = mostSnapshotsOf(model.parameterCount)
  }

  /** Finds the snapshots of the steps before. */
  async begin(): Promise<void> {
    for (const step of await snapshotsIn(this.options.out)) this.steps.add(step)
  }

  /** The next step at which `take` may be due. */
  next(step: number): number {
    return nextSnapshot(step, this.options.evalInterval, this.most)
  }

  /** Copies the weights, if a snapshot of this step is due, and begins to write them. */
  take(step: number): void {
    const { evalInterval } = this.options
    if (this.steps.has(step) || !snapshotSteps(step, evalInterval, this.most).has(step)) return
    const bytes = 4 * this.model.parameterCount
    if (this.waiting > 0 && this.waiting + bytes > mostWaiting) return
    this.waiting += bytes
    // The engine copies before the next step, which is requested later.
    const copy = this.model.copyWeights()
    copy.catch(() => {}) // It is handled when the copy is written.
    this.writing = this.writing.then(async () => {
      try {
        const { info, tensors } = await copy
        await makeFolderIn(this.options.out, snapshotsFolder)
        await writeFileAtomic(snapshotFile(this.options.out, step), await checkpointChunks(info, tensors))
        this.steps.add(step)
        await this.thin()
      } catch (error) {
        // Somebody deleted the run folder. The next checkpoint restores it, with its configuration and text.
        if (codeOf((error as Error).cause) !== 'ENOENT') this.warn(step, error)
      } finally {
        this.waiting -= bytes
      }
    })
  }

  /** Waits for the writes in progress. */
  settle(): Promise<void> {
    return this.writing
  }

  /** Removes those that are too many. One that cannot be removed is removed later. */
  private async thin(): Promise<void> {
    if (this.steps.size <= this.most) return
    const kept = snapshotSteps(Math.max(...this.steps), this.options.evalInterval, this.most)
    for (const step of [...this.steps].filter((each) => !kept.has(each))) {
      const error = await unlink(snapshotFile(this.options.out, step)).catch((error) => error)
      if (!error || codeOf(error) === 'ENOENT') this.steps.delete(step)
    }
  }

  /** Once. Weights that are not finite end the run, which then says so. */
  private warn(step: number, cause: unknown): void {
    const code = cause instanceof NanoGptError ? cause.code : 'write_failed'
    if (this.isWarned || ['non_finite', 'disposed'].includes(code)) return
    this.isWarned = true
    const message = say`the snapshot of step ${step} is not saved: ${reasonOf(cause)}. Training goes on without it`
    this.options.emit({ type: 'warning', step, code, message })
  }
}

/**
 * Removes the snapshots after a step from which a run continues: it may continue with other options. Also
 * removes what killed runs left.
 */
export async function removeLaterSnapshots(out: string, step: number): Promise<void> {
  await removeLeftovers(join(out, snapshotsFolder), (name) => stepOf(name) !== undefined)
  for (const each of await snapshotsIn(out))
    if (each > step) await unlink(snapshotFile(out, each)).catch(() => {})
}

/** Removes all snapshots of a run folder. */
export async function removeSnapshots(out: string): Promise<void> {
  await removeLaterSnapshots(out, -1)
  await rmdir(join(out, snapshotsFolder)).catch(() => {}) // It has hidden files of others.
}

/** Whether a run, and nobody else, wrote the folder `snapshots` of a run folder. */
export async function isOfSnapshots(path: string): Promise<boolean> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined)
  return entries?.every((each) => each.name.startsWith('.') || isSnapshot(each)) ?? false
}

const isSnapshot = (entry: { readonly name: string; isFile(): boolean }) =>
  entry.isFile() && stepOf(entry.name) !== undefined && stepFile(stepOf(entry.name)!) === entry.name
