// Saves a run beside its training. Training pauses only while its tensors are copied; the copy is
// then checked and written. The newest checkpoints are kept, and the one with the lowest validation
// loss. A failed write does not end the run: the copy is kept and written later.

import { existsSync } from 'node:fs'
import { readdir, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type CheckpointInfo, checkpointChunks } from '../checkpoint/checkpoint'
import { earlierOf, files, stepFile, stepOf } from '../checkpoint/folder'
import { NanoGptError, reasonOf, say } from '../errors'
import { linkFile, removeLeftovers, renameFile, writeFileAtomic } from '../files/atomic'
import { isOfRunFolder, textFile } from '../history/folder'
import { readTensors, type TensorState } from '../model/weights'
import { storedOptions, writeConfig } from './config_file'
import type { TrainEvent } from './events'
import type { Plan, TextToKeep } from './plan'
import { type Prepared, savedTensors } from './prepare'
import type { Recorder } from './recorder'
import { removeRun } from './run_folder'
import { removeLaterSnapshots } from './snapshots'

/** The checkpoint that `resume` would continue. */
export interface Saved {
  readonly step: number
  readonly path: string
}

/** How a run uses its folder. */
export type FolderUse = 'new' | 'continued' | 'replaced'

/** A copy of a run's tensors after `info.step` updates. */
interface Snapshot {
  readonly info: CheckpointInfo
  readonly tensors: Promise<readonly TensorState[]>
}

export interface SaverOptions {
  /** A text that must be kept in the run folder. */
  readonly textToKeep: TextToKeep | undefined
  readonly folder: FolderUse
  /** The checkpoint that a resumed run continues. */
  readonly resumed: string | undefined
  readonly recorder: Recorder
  emit(event: TrainEvent): void
}

/** A save that failed, until a later one succeeds. */
export interface Unsaved {
  readonly step: number
  readonly error: NanoGptError
  /** When it failed, as `performance.now()`. */
  readonly at: number
}

export class Saver {
  /** The newest checkpoint. Before a resumed run writes one: the one that it resumed from. */
  saved: Saved | undefined
  unsaved: Unsaved | undefined
  /** Copies that are not written yet. Both are the same if the newest is the best. */
  private last: Snapshot | undefined
  private best: Snapshot | undefined
  /** The step of the file last.safetensors, if this run wrote it or resumed from it. */
  private stepOfLast: number | undefined
  /** Never rejects. */
  private writing: Promise<void> = Promise.resolve()
  private nonFinite: NanoGptError | undefined

  constructor(
    private readonly prepared: Prepared,
    private readonly plan: Plan,
    private readonly options: SaverOptions,
  ) {
    if (plan.begins !== 'resume') return
    this.saved = { step: plan.step, path: plan.out ?? plan.checkpoint! }
    const { folder, resumed } = options
    if (folder === 'continued' && basename(resumed!) === files.last) this.stepOfLast = plan.step
  }

  /** Prepares the run folder: creates it, or removes what another run or a killed one left. */
  async begin(): Promise<void> {
    const { out } = this.plan
    if (out === null) return
    if (this.options.folder === 'replaced') await removeRun(out)
    await removeLeftovers(out, isOfRunFolder)
    await removeLaterSnapshots(out, this.plan.step)
    // The folder of a continued run already has its config.json.
    if (this.options.folder !== 'continued') await this.describeRun(out)
    else if (!existsSync(join(out, textFile))) await this.keepText(out)
  }

  /**
   * Creates the run folder with config.json and, if necessary, a copy of the text. config.json comes
   * first, because only with it a text.txt is known to be a run's.
   */
  private async describeRun(out: string): Promise<void> {
    await writeConfig(out, storedOptions(this.plan))
    await this.keepText(out)
  }

  private async keepText(out: string): Promise<void> {
    const { textToKeep } = this.options
    if (textToKeep !== undefined) await writeFileAtomic(join(out, textFile), textToKeep())
  }

  /**
   * Copies the tensors and begins to write them. Waits for the write in progress first, so that at
   * most two copies are in memory.
   *
   * @param isBest whether they have the lowest validation loss so far
   * @throws NanoGptError 'non_finite' if the tensors of the previous call are not finite
   */
  async save(info: CheckpointInfo, isBest: boolean): Promise<void> {
    const { out } = this.plan
    if (out === null) return
    await this.settle()
    const { session, trained } = this.prepared
    // Training goes on as soon as the engine has copied them.
    const tensors = readTensors(session, savedTensors(trained, this.plan.training))
    tensors.catch(() => {}) // It is reported when the copy is written.
    this.last = { info, tensors }
    if (isBest) this.best = this.last
    this.options.recorder.checkpoint(isBest)
    this.writing = this.write(out)
  }

  /** Tries again to write what could not be written. */
  async retry(): Promise<void> {
    await this.settle()
    if (this.plan.out !== null) this.writing = this.write(this.plan.out)
    await this.settle()
  }

  /**
   * Waits for the write in progress.
   *
   * @throws NanoGptError 'non_finite', once, if a tensor to be written was not finite
   */
  async settle(): Promise<void> {
    await this.writing
    const error = this.nonFinite
    this.nonFinite = undefined
    if (error) throw error
  }

  /** Writes the waiting copies. A copy that cannot be written keeps waiting. */
  private async write(out: string): Promise<void> {
    const { last, best } = this
    try {
      if (!existsSync(out)) await this.describeRun(out)
      // A resumed run continues the history of its checkpoint.
      await this.options.recorder.flush()
      // The best copy comes first: a run that is killed in between repeats the steps to it. In the other
      // order, the last checkpoint would name a best one that is in no file. The last copy is written
      // even if the best could not be.
      const failed = best && (await this.writeBest(out, best).catch((error) => error))
      if (last !== undefined) await this.writeLast(out, last, last === best && !failed)
      if (failed) throw failed
      this.unsaved = undefined
      this.options.recorder.warn()
    } catch (error) {
      this.fail((last ?? best)!.info.step, error)
    }
  }

  /** @param isBest whether best.safetensors already holds this copy */
  private async writeLast(out: string, { info, tensors }: Snapshot, isBest: boolean): Promise<void> {
    const path = join(out, files.last)
    // Before the former file is touched, because this can fail. If best.safetensors holds this copy,
    // it did not.
    const chunks = isBest ? undefined : await checkpointChunks(info, await tensors)
    await this.keepPrevious(out, info.step)
    const linked = isBest && (await linkFile(join(out, files.best), path))
    if (!linked) await writeFileAtomic(path, chunks ?? (await checkpointChunks(info, await tensors)))
    this.stepOfLast = info.step
    this.saved = { step: info.step, path: out }
    this.last = undefined
    await this.removeEarlier(out)
    this.options.emit({ type: 'checkpoint', step: info.step, path })
  }

  private async writeBest(out: string, { info, tensors }: Snapshot): Promise<void> {
    const path = join(out, files.best)
    await writeFileAtomic(path, await checkpointChunks(info, await tensors))
    this.best = undefined
    this.options.emit({ type: 'checkpoint', step: info.step, path })
  }

  /** Names last.safetensors after its step, before a newer one replaces it. */
  private async keepPrevious(out: string, step: number): Promise<void> {
    const [path, previous] = [join(out, files.last), this.stepOfLast]
    if (this.plan.training.keepCheckpoints === 1 || previous === undefined || previous === step) return
    if (!existsSync(path)) return
    const kept = join(out, stepFile(previous))
    if (!(await linkFile(path, kept))) await renameFile(path, kept)
  }

  /**
   * Removes the earlier checkpoints that are too many, or later than the newest one. Those that cannot
   * be removed now are removed after a later save.
   */
  private async removeEarlier(out: string): Promise<void> {
    const earlier = earlierOf(await readdir(out).catch(() => []))
    const kept = earlier
      .filter((name) => stepOf(name)! < this.stepOfLast!)
      .slice(0, this.plan.training.keepCheckpoints - 1)
    for (const name of earlier) if (!kept.includes(name)) await unlink(join(out, name)).catch(() => {})
  }

  private fail(step: number, cause: unknown): void {
    const error =
      cause instanceof NanoGptError
        ? cause
        : new NanoGptError('write_failed', `cannot save: ${reasonOf(cause)}`, { cause })
    if (error.code === 'non_finite') {
      this.nonFinite = error
      if (this.best === this.last) this.best = undefined
      this.last = undefined
      return
    }
    // Report the first failure, not every attempt after it.
    if (this.unsaved === undefined) {
      const { saved } = this
      const newest = saved ? `The newest checkpoint is of step ${saved.step}` : 'Nothing is saved yet'
      this.options.emit({
        type: 'warning',
        step,
        code: error.code,
        message: say`step ${step} is not saved: ${error.message}. ${newest}. Training goes on, and saving is tried again`,
      })
    }
    this.unsaved = { step, error, at: performance.now() }
  }
}
