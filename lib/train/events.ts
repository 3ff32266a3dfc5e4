// The events of a training run.

import type { PassedOver } from '../backend/devices'
import type { CheckpointInfo } from '../checkpoint/checkpoint'
import type { ErrorCode, Phrase } from '../errors'
import type { StoredOptions } from '../options'
import type { Plan } from './plan'

/**
 * A GPU that `device: 'auto'` tried cannot be used, for example because it lacks memory, and the
 * run begins on the next device. It never comes after the first step.
 */
export interface FallbackEvent extends PassedOver {
  readonly type: 'fallback'
  /** The run has not begun. */
  readonly step: 0
}

/** The preset 'auto' measures the device for about `seconds`. Comes before the start. */
export interface MeasuringEvent {
  readonly type: 'measuring'
  readonly step: 0
  readonly seconds: number
}

/**
 * A text that is too large for memory is read, and then encoded into a file of tokens in the cache
 * folder. Comes before the start.
 */
export interface EncodingEvent {
  readonly type: 'encoding'
  readonly step: 0
  readonly phase: 'reading' | 'encoding'
  /** Bytes of the text that are done, of about `totalBytes`. */
  readonly bytes: number
  readonly totalBytes: number
  /** Since the beginning of the phase. */
  readonly seconds: number
}

/**
 * A notice about the text, such as converted line endings or the tokenizer that the preset 'auto'
 * chose, or about a resumed run, such as another version of nano-gpt. Comes before the start.
 */
export interface NoticeEvent {
  readonly type: 'notice'
  readonly step: 0
  /** A sentence. As a string, and in JSON, it uses the library's option names. */
  readonly message: Phrase
}

/**
 * The run begins. Only 'notice', 'encoding', 'measuring' and 'fallback' events come before it. If the device
 * fails before the first step, a 'fallback' and another 'start' follow.
 */
export interface StartEvent {
  readonly type: 'start'
  readonly device: string
  /** The number of parameters. */
  readonly parameters: number
  /** 0, or the step at which a resumed run continues. */
  readonly step: number
  readonly steps: number
  /** All options of the run, as in config.json. */
  readonly options: StoredOptions
  readonly config: Pick<CheckpointInfo, 'model' | 'training' | 'seed' | 'data'>
  /** The complete plan. */
  readonly plan: Plan
  /** The number of tokens in each split. */
  readonly trainTokens: number
  readonly validationTokens: number
}

/**
 * Updates `from` … `to` − 1 are done. Each event covers at least 0.05 s, except the last one before
 * an evaluation, a sample, a checkpoint or the end. Unread events are merged, and keep the numbers
 * of the newest 65,536 updates.
 */
export interface StepEvent {
  readonly type: 'step'
  readonly from: number
  readonly to: number
  /**
   * The training loss of each step before its update, in nats per token. NaN: a skipped step. Divided
   * by ln 2 and by the `plan.data.bytesPerToken.train` of the start, it is in bits per byte.
   */
  readonly losses: readonly number[]
  /** The gradient norm of each step, before clipping. NaN: a skipped step. */
  readonly gradientNorms: readonly number[]
  /** The time of these updates. */
  readonly seconds: number
  readonly tokensPerSecond: number
  /** Bytes of UTF-8 of the training text. */
  readonly bytesPerSecond: number
}

/** The progress of an evaluation. */
export interface EvaluatingEvent {
  readonly type: 'evaluating'
  readonly step: number
  /** The number of finished batches, of `total`. */
  readonly done: number
  readonly total: number
}

/**
 * Mean losses in nats per token after `step` updates, over `evalBatches` random batches of each
 * split, and in bits per byte. Every evaluation uses the same batches, without dropout.
 */
export interface EvaluationEvent {
  readonly type: 'evaluation'
  readonly step: number
  readonly trainLoss: number
  readonly valLoss: number
  /**
   * With `exactEvaluation`: the mean over the whole validation split, in windows of the block size
   * without overlap.
   */
  readonly exactValLoss?: number
  /**
   * The losses in bits per byte of UTF-8, which do not depend on the tokenizer: the loss in nats per
   * token, divided by ln 2 and by the bytes per token of its split.
   */
  readonly trainBitsPerByte: number
  readonly valBitsPerByte: number
  /** With `exactEvaluation`. */
  readonly exactValBitsPerByte?: number
  /**
   * Whether it is the lowest validation loss so far. With `exactEvaluation`, exact losses are
   * compared.
   */
  readonly best: boolean
  readonly seconds: number
}

export interface SampleEvent {
  readonly type: 'sample'
  readonly step: number
  readonly text: string
}

/**
 * A checkpoint of the model after `step` updates is on disk. It is written while training goes on, so
 * later steps may come first.
 */
export interface CheckpointEvent {
  readonly type: 'checkpoint'
  readonly step: number
  readonly path: string
}

/** Something is wrong, but the run goes on. */
export interface WarningEvent {
  readonly type: 'warning'
  readonly step: number
  /**
   * 'loss_spike': the training loss of this step is far above its usual range. 'non_finite': the step
   * was skipped, because its loss or gradient is not finite. Otherwise the code of
   * the error that prevented a checkpoint of this step, such as 'write_failed'; it is tried again.
   */
  readonly code: ErrorCode | 'loss_spike'
  /** A sentence. As a string, and in JSON, it uses the library's option names. */
  readonly message: Phrase
}

/** The last event: all steps are done, or the run was stopped. */
export interface EndEvent {
  readonly type: 'end'
  readonly step: number
  readonly stopped: boolean
  readonly seconds: number
  /** The newest checkpoint. null: nothing is saved. */
  readonly saved: { readonly step: number; readonly path: string } | null
  /** Why the model of this step could not be saved; null if it is saved, or the run saves nothing. */
  readonly unsaved: string | null
}

export type TrainEvent =
  | NoticeEvent
  | FallbackEvent
  | MeasuringEvent
  | EncodingEvent
  | StartEvent
  | StepEvent
  | EvaluatingEvent
  | EvaluationEvent
  | SampleEvent
  | CheckpointEvent
  | WarningEvent
  | EndEvent

/** The largest number of updates in a merged event. */
const mostUnread = 65_536

/** Merges two consecutive unread events; undefined if both must be read. */
export function merge(earlier: TrainEvent, later: TrainEvent): TrainEvent | undefined {
  if (earlier.type === 'evaluating' && later.type === 'evaluating') return later
  if (earlier.type === 'encoding' && later.type === 'encoding' && earlier.phase === later.phase) return later
  if (earlier.type !== 'step' || later.type !== 'step') return undefined
  const seconds = earlier.seconds + later.seconds
  const losses = [...earlier.losses, ...later.losses].slice(-mostUnread)
  const speed = (name: 'tokensPerSecond' | 'bytesPerSecond') =>
    seconds > 0 ? (earlier[name] * earlier.seconds + later[name] * later.seconds) / seconds : 0
  return {
    type: 'step',
    from: later.to - losses.length,
    to: later.to,
    losses,
    gradientNorms: [...earlier.gradientNorms, ...later.gradientNorms].slice(-mostUnread),
    seconds,
    tokensPerSecond: speed('tokensPerSecond'),
    bytesPerSecond: speed('bytesPerSecond'),
  }
}
