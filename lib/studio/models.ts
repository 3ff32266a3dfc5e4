// The models of the runs in the folder. The last few stay in memory, so that a page can go back and forth
// between them.

import { load, type Model } from '../api/model'
import { type Moment, Moments } from './moments'

export type { Moment } from './moments'

/** The largest number of models in memory. */
const mostModels = 3

export class Models {
  /** By key; the one that was used last is the last. */
  private readonly opened = new Map<string, Model>()
  /** The call in progress. It never rejects. */
  private last: Promise<unknown> = Promise.resolve()

  constructor(private readonly moments = new Moments()) {}

  /**
   * Uses a model. Calls come one after the other: a model must not be freed while another call uses it.
   *
   * @throws RequestError if the run has not saved a model yet, or not of that step
   */
  with<T>(moment: Moment, use: (model: Model) => Promise<T>): Promise<T> {
    const result = this.last.then(async () => use(await this.modelOf(moment)))
    this.last = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    await this.last
    for (const key of this.opened.keys()) await this.free(key)
  }

  private async modelOf(moment: Moment): Promise<Model> {
    const { path, key } = await this.moments.find(moment)
    const found = this.opened.get(key)
    this.opened.delete(key)
    if (!found) {
      const [oldest] = this.opened.keys()
      if (this.opened.size >= mostModels) await this.free(oldest)
    }
    const model = found ?? (await load(path, { checkpoint: 'last' }))
    this.opened.set(key, model)
    return model
  }

  private async free(key: string): Promise<void> {
    await this.opened.get(key)!.dispose()
    this.opened.delete(key)
  }
}
