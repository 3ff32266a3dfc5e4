// The models of the runs in the folder, one at a time in memory.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { load, type Model } from '../api/model'
import { checkpointsIn } from '../checkpoint/folder'
import { RequestError } from './respond'

/** A model of a run: its newest one. */
export interface Moment {
  /** The folder of the run. */
  readonly folder: string
}

/**
 * The checkpoint of a moment, and a key that is another one if the file has changed.
 *
 * @throws RequestError if the run has not saved a model yet
 */
export async function checkpointOf({ folder }: Moment): Promise<{ path: string; key: string }> {
  const [name] = await checkpointsIn(folder, 'last').catch(() => [])
  if (name === undefined) throw new RequestError(409, 'The model is not saved yet. Wait a moment.')
  const path = join(folder, name)
  const { mtimeMs, size } = await stat(path)
  return { path, key: `${path} ${mtimeMs} ${size}` }
}

export class Models {
  private opened: { readonly key: string; readonly model: Model } | undefined
  /** The call in progress. It never rejects. */
  private last: Promise<unknown> = Promise.resolve()

  /**
   * Uses a model. Calls come one after the other: a model must not be freed while another call uses it.
   *
   * @throws RequestError if the run has not saved a model yet
   */
  with<T>(moment: Moment, use: (model: Model) => Promise<T>): Promise<T> {
    const result = this.last.then(async () => use(await this.modelOf(moment)))
    this.last = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    await this.last
    await this.opened?.model.dispose()
    this.opened = undefined
  }

  private async modelOf(moment: Moment): Promise<Model> {
    const { path, key } = await checkpointOf(moment)
    if (this.opened?.key !== key) {
      await this.opened?.model.dispose()
      this.opened = undefined
      this.opened = { key, model: await load(path, { checkpoint: 'last' }) }
    }
    return this.opened.model
  }
}
