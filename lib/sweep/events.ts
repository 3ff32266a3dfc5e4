// The events of a sweep.

import type { TrainEvent } from '../train/events'
import { type Unread, unreadTraining } from '../train/queue'
import type { SweepRun } from './runs'

/** The sweep begins. */
export interface SweepStartEvent {
  readonly type: 'start'
  readonly out: string
  /** All runs in their order, with the results of those that are done. */
  readonly runs: readonly SweepRun[]
}

/** A run begins. */
export interface SweepRunEvent {
  readonly type: 'run'
  readonly run: SweepRun
  /** Its place among all runs, from 1. */
  readonly number: number
  readonly total: number
  /** Whether it continues from a checkpoint. */
  readonly resumes: boolean
}

/** An event of the run in progress. */
export interface SweepTrainingEvent {
  readonly type: 'training'
  /** The name of the run. */
  readonly run: string
  readonly event: TrainEvent
}

/** A run has finished or failed. */
export interface SweepResultEvent {
  readonly type: 'result'
  readonly run: SweepRun
  readonly number: number
  readonly total: number
}

/** The last event: all runs are done, or the sweep was stopped. */
export interface SweepEndEvent {
  readonly type: 'end'
  readonly stopped: boolean
  readonly seconds: number
}

export type SweepEvent =
  | SweepStartEvent
  | SweepRunEvent
  | SweepTrainingEvent
  | SweepResultEvent
  | SweepEndEvent

/** Unread events of a run are merged and dropped as those of `train()`. */
export const unreadSweep: Unread<SweepEvent> = {
  merge(earlier, later) {
    if (earlier.type !== 'training' || later.type !== 'training' || earlier.run !== later.run)
      return undefined
    const event = unreadTraining.merge(earlier.event, later.event)
    return event && { ...later, event }
  },
  isKept: (event) => event.type !== 'training' || unreadTraining.isKept(event.event),
}
