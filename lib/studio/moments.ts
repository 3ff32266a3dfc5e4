// The moments of a run of which a model is at hand: its snapshots, its checkpoints, and the states that were
// computed again.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describeCheckpoint } from '../checkpoint/checkpoint'
import { checkpointsIn, snapshotFile, snapshotsIn, stepOf } from '../checkpoint/folder'
import { configFile, forkStart } from '../history/folder'
import { RequestError } from './respond'

/** A model of a run: as it was after `step` updates, or the newest one. */
export interface Moment {
  /** The folder of the run. */
  readonly folder: string
  readonly step?: number
}

/** A file with the weights of a step. */
export interface State {
  readonly step: number
  readonly path: string
  /** Whether it also has the state of the optimizer, so that training can continue from it. */
  readonly isWhole: boolean
}

export class Moments {
  /** States that were computed again, by the key of their run. */
  private readonly rebuilt = new Map<string, State[]>()
  /** The steps of checkpoints, by path. */
  private readonly steps = new Map<string, { readonly key: string; readonly step: number }>()

  /** All states of a run that are at hand, in the order of their steps; whole ones before others. */
  async of(folder: string): Promise<State[]> {
    const snapshots = (await snapshotsIn(folder)).map((step): State => {
      return { step, path: snapshotFile(folder, step), isWhole: false }
    })
    const names = [forkStart, ...(await checkpointsIn(folder, 'last').catch(() => []))]
    const whole = await Promise.all(names.map((name) => this.stateIn(join(folder, name))))
    return [...whole.flat(), ...(this.rebuilt.get(await runKey(folder)) ?? []), ...snapshots].sort(
      (a, b) => a.step - b.step,
    )
  }

  /**
   * The file or folder with the model of a moment, and a key that changes with it.
   *
   * @throws RequestError if there is none
   */
  async find({ folder, step }: Moment): Promise<{ readonly path: string; readonly key: string }> {
    if (step === undefined) {
      const [name] = await checkpointsIn(folder, 'last').catch(() => [])
      if (name === undefined) throw new RequestError(409, 'This run has not saved a model yet.')
      // Another checkpoint is used if this one is damaged.
      return { path: folder, key: await keyOf(join(folder, name)) }
    }
    // A snapshot is smaller than a checkpoint.
    const path = (await this.of(folder)).findLast((each) => each.step === step)?.path
    if (path === undefined)
      throw new RequestError(409, `The model of step ${step} is not at hand. Rebuild it, or choose another.`)
    return { path, key: await keyOf(path) }
  }

  /**
   * The file or folder with the model of a moment and the state of its optimizer, and a key that changes with it.
   *
   * @throws RequestError if there is none
   */
  async findWhole(moment: Moment): Promise<{ readonly path: string; readonly key: string }> {
    const { folder, step } = moment
    if (step === undefined) return this.find(moment)
    const path = await this.wholeAt(folder, step)
    if (path !== undefined) return { path, key: await keyOf(path) }
    throw new RequestError(
      409,
      `Of step ${step} only the weights are kept, and not what the optimizer remembered. Rebuild it, or choose another.`,
    )
  }

  /** Adds a state that was computed again. */
  async add(folder: string, state: State): Promise<void> {
    const key = await runKey(folder)
    this.rebuilt.set(key, [...(this.rebuilt.get(key) ?? []), state])
  }

  /** Removes one whose file is removed. */
  remove(path: string): void {
    for (const [key, states] of this.rebuilt) {
      const left = states.filter((each) => each.path !== path)
      if (left.length > 0) this.rebuilt.set(key, left)
      else this.rebuilt.delete(key)
    }
  }

  /** The file of a state from which training can continue at a step; undefined: there is none. */
  async wholeAt(folder: string, step: number): Promise<string | undefined> {
    return (await this.of(folder)).find((each) => each.isWhole && each.step === step)?.path
  }

  private async stateIn(path: string): Promise<State[]> {
    try {
      const named = stepOf(path.split(/[\\/]/).at(-1)!)
      if (named !== undefined) return [{ step: named, path, isWhole: true }]
      const key = await keyOf(path)
      let known = this.steps.get(path)
      if (known?.key !== key) {
        known = { key, step: (await describeCheckpoint(path)).info.step }
        this.steps.set(path, known)
      }
      return [{ step: known.step, path, isWhole: true }]
    } catch {
      return [] // It is missing, damaged, or being replaced.
    }
  }
}

/** Another run in the same folder has another config.json. */
async function runKey(folder: string): Promise<string> {
  return keyOf(join(folder, configFile)).catch(() => folder)
}

async function keyOf(path: string): Promise<string> {
  const { mtimeMs, size } = await stat(path)
  return `${path} ${mtimeMs} ${size}`
}
