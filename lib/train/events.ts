// What a run reports while it trains.

import type { PassedOver } from '../backend/devices'
import type { CheckpointInfo } from '../checkpoint/checkpoint'
import type { Phrase } from '../errors'
import type { StoredOptions } from './config_file'
import type { Plan } from './plan'

/**
 * A GPU that `device: 'auto'` would have taken can't be used, for want of memory, say: the run begins on the next device. Never after a
 * step was made.
 */
export interface FallbackEvent extends PassedOver {
  readonly type: 'fallback'
  /** As for 'measuring': nothing has begun. */
  readonly step: 0
}

/** The preset 'auto' finds out how fast the device is, for about so long; before the start. */
export interface MeasuringEvent {
  readonly type: 'measuring'
  readonly step: 0
  readonly seconds: number
}

/** Something about the text that is worth knowing, such as line endings that were changed; before the start. */
export interface NoticeEvent {
  readonly type: 'notice'
  readonly step: 0
  /** A sentence: as a string, and in JSON, in the library's words. */
  readonly message: Phrase
}

/** What will be trained, on what: the first event, or the one after 'measuring'. It comes again after a 'fallback'. */
export interface StartEvent {
  readonly type: 'start'
  readonly device: string
  /** Learned numbers. */
  readonly parameters: number
  /** 0, or where a resumed run goes on. */
  readonly step: number
  readonly steps: number
  /** The options of the run, all explicit: what config.json holds. */
  readonly options: StoredOptions
  readonly config: Pick<CheckpointInfo, 'model' | 'training' | 'seed' | 'data'>
  /** Everything that was decided. */
  readonly plan: Plan
  /** Tokens of each split. */
  readonly trainTokens: number
  readonly validationTokens: number
}

/**
 * Updates `from` … `to` − 1 were made. At most 20 events a second; unread ones merge. Of those that stay unread the newest 65,536 updates are
 * kept.
 */
export interface StepEvent {
  readonly type: 'step'
  readonly from: number
  readonly to: number
  /** The training loss of each, in nats, before its update. */
  readonly losses: readonly number[]
  /** The gradient's norm of each, before clipping. */
  readonly gradientNorms: readonly number[]
  /** Time that these updates took. */
  readonly seconds: number
  readonly tokensPerSecond: number
}

/** An evaluation goes on. */
export interface EvaluatingEvent {
  readonly type: 'evaluating'
  readonly step: number
  /** Batches done, of `total`. */
  readonly done: number
  readonly total: number
}

/** Mean losses over `evalBatches` random batches of each split, the same ones each time, without dropout, after `step` updates. */
export interface EvaluationEvent {
  readonly type: 'evaluation'
  readonly step: number
  readonly trainLoss: number
  readonly valLoss: number
  /** With the option `exactEvaluation`: the mean over the whole validation split, in windows of the block size without overlap. */
  readonly exactValLoss?: number
  /** Whether it is the lowest validation loss so far: of the exact ones, if they are taken. */
  readonly best: boolean
  readonly seconds: number
}

export interface SampleEvent {
  readonly type: 'sample'
  readonly step: number
  readonly text: string
}

export interface CheckpointEvent {
  readonly type: 'checkpoint'
  readonly step: number
  readonly path: string
}

/** The last event: all steps are made, or `stop()` was called. */
export interface EndEvent {
  readonly type: 'end'
  readonly step: number
  readonly stopped: boolean
  readonly seconds: number
}

export type TrainEvent =
  | NoticeEvent
  | FallbackEvent
  | MeasuringEvent
  | StartEvent
  | StepEvent
  | EvaluatingEvent
  | EvaluationEvent
  | SampleEvent
  | CheckpointEvent
  | EndEvent

/** Updates whose numbers an event that nobody reads holds on to. */
const mostUnread = 65_536

/** Two events of which only the later or a combination needs to be read; undefined if both must be. */
export function merge(earlier: TrainEvent, later: TrainEvent): TrainEvent | undefined {
  if (earlier.type === 'evaluating' && later.type === 'evaluating') return later
  if (earlier.type !== 'step' || later.type !== 'step') return undefined
  const seconds = earlier.seconds + later.seconds
  const losses = [...earlier.losses, ...later.losses].slice(-mostUnread)
  const tokens = earlier.tokensPerSecond * earlier.seconds + later.tokensPerSecond * later.seconds
  return {
    type: 'step',
    from: later.to - losses.length,
    to: later.to,
    losses,
    gradientNorms: [...earlier.gradientNorms, ...later.gradientNorms].slice(-mostUnread),
    seconds,
    tokensPerSecond: seconds > 0 ? tokens / seconds : 0,
  }
}
