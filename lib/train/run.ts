// A run, as `train()` returns it.

import { History } from '../history/history'
import type { RunHistory } from '../history/types'
import type { TrainEvent } from './events'
import { Job, type JobControl } from './job'
import { unreadTraining } from './queue'

/** The interface between a run and its training. */
export interface RunControl extends JobControl<TrainEvent> {
  /** Called before the run starts: where its history is. */
  keepsHistory(history: History): void
}

export class Run<T> extends Job<T, TrainEvent> {
  /** Of the newest start: a run may begin on one device and go on on the next. */
  private kept = new History()

  constructor(work: (control: RunControl) => Promise<T>) {
    const keepsHistory = (history: History) => {
      this.kept = history
    }
    super((control) => work({ ...control, keepsHistory }), unreadTraining)
  }

  /**
   * What happened so far, during the run and after it, also before a resume. The result does not change
   * afterwards.
   */
  history(): RunHistory {
    return this.kept.view()
  }
}
