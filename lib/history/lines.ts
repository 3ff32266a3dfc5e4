// The lines of metrics.jsonl. Each is a JSON object whose `type` says what it is. docs/runs.md documents
// them.

import * as v from 'valibot'
import { files } from '../checkpoint/folder'
import { parseJson } from '../files/json'
import { type Bucket, bucketOf, firstSteps, largestStep } from './buckets'
import type {
  CheckpointRecord,
  EvaluationRecord,
  SampleRecord,
  SessionRecord,
  StepRecord,
  WarningRecord,
} from './types'

/** The most UTF-16 code units of a text in a line. */
export const longestText = 10_000
/** In bytes. A code unit takes at most six of them, as \u0000. */
export const longestLine = 1 << 17

/** The state of the detector of spikes, which a resumed run continues. */
export interface SpikeState {
  readonly mean: number
  readonly variance: number
  readonly seen: number
  readonly quietUntil: number
}

/**
 * The updates of a bucket that is not full yet, with the exact sums from which a resumed run continues.
 */
export interface PartialRecord extends StepRecord {
  /** The sum of the losses that are not skipped, and their number. */
  readonly sum: number
  readonly counted: number
  /** The time of all updates before `from`. */
  readonly since: number
  /** Whether a checkpoint of step `to` follows, or a new best one. */
  readonly checkpoint?: 'last' | 'best'
  readonly spikes?: SpikeState
}

/** How a session ended. */
export interface EndRecord {
  readonly step: number
  /** ISO 8601. */
  readonly time: string
  readonly state: 'stopped' | 'finished' | 'failed'
  /** Why it failed, or why its last steps are not saved. */
  readonly reason?: string
}

/** What a line says, by its type. */
export interface Records {
  readonly session: SessionRecord
  readonly steps: StepRecord
  readonly partial: PartialRecord
  readonly evaluation: EvaluationRecord
  readonly sample: SampleRecord
  readonly checkpoint: CheckpointRecord
  readonly warning: WarningRecord
  readonly end: EndRecord
}

export type Line = { [Type in keyof Records]: readonly [type: Type, record: Records[Type]] }[keyof Records]

const number = v.pipe(v.number(), v.finite())
const positive = v.pipe(number, v.minValue(0))
const step = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(largestStep))
const text = v.pipe(v.string(), v.maxLength(longestText))
const name = v.pipe(v.string(), v.maxLength(1000))
const time = v.pipe(
  v.string(),
  v.maxLength(40),
  v.check((value) => !Number.isNaN(Date.parse(value))),
)

const steps = {
  from: step,
  to: step,
  loss: v.nullable(number),
  learningRate: positive,
  gradientNorm: v.nullable(positive),
  tokensPerSecond: positive,
  seconds: positive,
}

const line = v.variant('type', [
  v.object({
    type: v.literal('session'),
    step,
    time,
    version: name,
    device: name,
    machine: name,
    resumed: v.boolean(),
  }),
  v.object({ type: v.literal('steps'), ...steps }),
  v.object({
    type: v.literal('partial'),
    ...steps,
    sum: number,
    counted: step,
    since: positive,
    checkpoint: v.optional(v.picklist(['last', 'best'])),
    spikes: v.optional(v.object({ mean: number, variance: number, seen: step, quietUntil: step })),
  }),
  v.object({
    type: v.literal('evaluation'),
    step,
    trainLoss: number,
    valLoss: number,
    exactValLoss: v.optional(number),
    trainBitsPerByte: number,
    valBitsPerByte: number,
    exactValBitsPerByte: v.optional(number),
    best: v.boolean(),
    seconds: positive,
  }),
  v.object({ type: v.literal('sample'), step, text }),
  v.object({ type: v.literal('checkpoint'), step, name: v.picklist([files.last, files.best]) }),
  v.object({ type: v.literal('warning'), step, code: name, message: text }),
  v.object({
    type: v.literal('end'),
    step,
    time,
    state: v.picklist(['stopped', 'finished', 'failed']),
    reason: v.optional(text),
  }),
])

/** A text that fits into a line. */
export function cutText(whole: string): string {
  return whole.length <= longestText ? whole : `${whole.slice(0, longestText - 1)}…`
}

export function encodeLine([type, record]: Line): string {
  return `{"type":"${type}",${JSON.stringify(record).slice(1)}\n`
}

/** Whether a record is of updates of one bucket. */
function isInBucket({ from, to }: Bucket): boolean {
  return from <= to && to <= bucketOf(from, firstSteps).to
}

/** Undefined if it is not a valid line of any type. */
export function decodeLine(json: string): Line | undefined {
  let value: unknown
  try {
    value = parseJson(json)
  } catch {
    return undefined
  }
  const parsed = v.safeParse(line, value)
  if (!parsed.success) return undefined
  const { type, ...record } = parsed.output
  if ('to' in record && !isInBucket(record)) return undefined
  return [type, record] as Line
}
