// What is known of the runs of a sweep: finished ones, failed ones, and those to come.

import type { ErrorCode } from '../errors'
import type { Point } from './grid'

/** The validation loss of a run, in nats per token and in bits per byte of the text. */
export interface MeasuredLoss {
  /** With `exactEvaluation`: of the whole validation split. */
  readonly valLoss: number
  readonly valBitsPerByte: number
}

export interface SweepRun {
  /** The name of its folder in that of the sweep: `learning-rate=0.001,seed=1`. */
  readonly name: string
  /** The values of the options that vary. */
  readonly options: Point
  /** A run that was stopped waits, too. Its folder has its checkpoint. */
  readonly state: 'waiting' | 'finished' | 'failed'
  /** The time of its training so far, without that of killed processes. */
  readonly seconds: number
  /** Its lowest validation loss, and the step of it. null: it has not finished. */
  readonly best: (MeasuredLoss & { readonly step: number }) | null
  /** Its loss after the last step. */
  readonly final: MeasuredLoss | null
  /** Why it failed. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | null
}

export function newRun(name: string, options: Point): SweepRun {
  return { name, options, state: 'waiting', seconds: 0, best: null, final: null, error: null }
}

/** Errors that depend on a run's own options, so that other runs may not have them. */
const ofOneRun: readonly ErrorCode[] = [
  'non_finite',
  'option',
  'out_of_memory',
  'data_too_short',
  'tokenizer',
  'unsupported',
]

/** Whether an error ends one run, and not the sweep. */
export const isOfOneRun = (code: ErrorCode) => ofOneRun.includes(code)

/** Whether nothing is left to do. A training that diverged would diverge again; other errors may not recur. */
export function isDone({ state, error }: SweepRun): boolean {
  return state === 'finished' || error?.code === 'non_finite'
}
