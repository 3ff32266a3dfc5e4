// The training step that the page takes apart: one at a time in memory.

import { readCheckpoint } from '../checkpoint/checkpoint'
import { OneStep } from '../train/one_step'
import type { Moment, Moments } from './moments'

export class OpenedStep {
  private opened: { readonly key: string; readonly step: OneStep } | undefined
  /** The call in progress. It never rejects. */
  private last: Promise<unknown> = Promise.resolve()

  constructor(private readonly moments: Moments) {}

  /** Uses the step after a moment. Calls come one after the other, as those of `Models`. */
  with<T>(moment: Moment, use: (step: OneStep) => Promise<T>): Promise<T> {
    const result = this.last.then(async () => use(await this.stepOf(moment)))
    this.last = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    await this.last
    await this.free()
  }

  private async stepOf(moment: Moment): Promise<OneStep> {
    const { path, key } = await this.moments.findWhole(moment)
    if (this.opened?.key !== key) {
      await this.free()
      this.opened = { key, step: await OneStep.open(await readCheckpoint(path, 'last'), moment.folder) }
    }
    return this.opened.step
  }

  private async free(): Promise<void> {
    const { opened } = this
    this.opened = undefined
    await opened?.step.dispose()
  }
}
