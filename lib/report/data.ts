// What a page shows of a run, as plain data that is embedded in it as JSON. Long columns of numbers are
// shortened, so that a page stays small however long its runs are.

import { bestOf, decidingLoss, meanLoss, meanSpeed } from '../history/records'
import type { EvaluationRecord, RunRecord, StepRecord } from '../history/types'
import { type TokenUnit, unitOf } from '../tokenizer/names'
import type { PieceOfText } from './pieces'

/** The most step records of a run. Neighbours are merged if there are more. */
const mostSteps = 2000
/** The most evaluations. The best, the first and the last are always among them. */
const mostEvaluations = 1000
/** The most samples, evenly spread. The first and the last are always among them. */
const mostSamples = 60
/** The most warnings: the newest. */
const mostWarnings = 50
/** More digits than a chart can show. */
const digits = 6

/** A number, or null where there is none. */
type Column = readonly (number | null)[]

/** The losses of a text, token by token. */
export interface TextLosses {
  /** The number of updates of the model that computed them. */
  readonly step: number
  readonly pieces: readonly PieceOfText[]
}

/** The time of one kind of op in a training step, measured. */
export interface OpTime {
  readonly kind: string
  /** The names of the ops. */
  readonly ops: readonly string[]
  /** Calls in a step. */
  readonly calls: number
  /** Milliseconds of all calls in a step. */
  readonly ms: number
}

/** The times of a training step. */
export interface StepTimes {
  readonly device: string
  /** Milliseconds, also of what is outside ops. */
  readonly ms: number
  readonly ops: readonly OpTime[]
}

/** What a page shows of a run beside its record. */
export interface Extras {
  readonly text?: TextLosses
  readonly times?: StepTimes
  /** What the page lacks, and why, in sentences. */
  readonly missing?: readonly string[]
}

/** A run on a page. Columns of the same object have the same length. */
export interface PageRun extends Omit<Extras, 'missing'> {
  /** The end of the folder's path. */
  readonly name: string
  readonly folder: string
  readonly state: RunRecord['state']
  readonly reason: string | null
  readonly step: number
  readonly steps: number
  readonly parameters: number
  readonly tokensPerStep: number
  readonly started: string
  readonly updated: string
  /** What the model predicts. */
  readonly unit: TokenUnit
  readonly tokenizer: string
  readonly options: RunRecord['options']
  readonly model: RunRecord['model']
  readonly data: RunRecord['data']
  /** The evaluation with the lowest validation loss. null: there is none. */
  readonly best: { readonly step: number; readonly valLoss: number } | null
  readonly training: {
    /** The middle of each record, counted in updates: 1 is the first. */
    readonly step: Column
    readonly loss: Column
    readonly learningRate: Column
    readonly gradientNorm: Column
    readonly tokensPerSecond: Column
    readonly seconds: Column
  }
  readonly evaluations: {
    readonly step: Column
    readonly train: Column
    readonly validation: Column
    readonly validationBits: Column
    readonly seconds: Column
  }
  readonly samples: readonly { readonly step: number; readonly text: string }[]
  readonly checkpoints: readonly { readonly step: number; readonly name: string }[]
  readonly sessions: RunRecord['history']['sessions']
  readonly warnings: RunRecord['history']['warnings']
  readonly notices: readonly string[]
}

/** Describes a run for a page. */
export function pageRun(record: RunRecord, { missing = [], ...extras }: Extras = {}): PageRun {
  const { history, options } = record
  const steps = mergeTo(mostSteps, history.steps)
  const evaluations = chosen(mostEvaluations, history.evaluations, ({ best }) => best)
  const samples = chosen(mostSamples, history.samples, () => false)
  const best = bestOf(history.evaluations)
  return {
    name: nameOf(record.folder),
    folder: record.folder,
    state: record.state,
    reason: record.reason ?? null,
    step: record.step,
    steps: record.steps,
    parameters: record.parameters,
    tokensPerStep: record.tokensPerStep,
    started: record.started,
    updated: record.updated,
    unit: unitOf(record.tokenizer),
    tokenizer: record.tokenizer,
    options,
    model: record.model,
    data: record.data,
    best: best && { step: best.step, valLoss: inNats(best) },
    training: {
      step: steps.map(({ from, to }) => (from + 1 + to) / 2),
      loss: steps.map(({ loss }) => short(loss)),
      learningRate: steps.map(({ learningRate }) => short(learningRate)),
      gradientNorm: steps.map(({ gradientNorm }) => short(gradientNorm)),
      tokensPerSecond: steps.map(({ tokensPerSecond }) => short(tokensPerSecond)),
      seconds: steps.map(({ seconds }) => short(seconds)),
    },
    evaluations: {
      step: evaluations.map(({ step }) => step),
      train: evaluations.map(({ trainLoss }) => short(trainLoss)),
      validation: evaluations.map((each) => short(inNats(each))),
      validationBits: evaluations.map((each) => short(decidingLoss(each, 'bits per byte'))),
      seconds: evaluations.map(({ seconds }) => short(seconds)),
    },
    samples,
    checkpoints: history.checkpoints,
    sessions: history.sessions,
    warnings: history.warnings.slice(-mostWarnings),
    notices: [...record.notices, ...missing],
    ...extras,
  }
}

/** The last folders of a path, which are enough to recognize a run. */
function nameOf(folder: string): string {
  const parts = folder.split(/[\\/]+/).filter((part) => part !== '' && part !== '.')
  return parts.slice(-2).join('/') || folder
}

function inNats(evaluation: EvaluationRecord): number {
  return decidingLoss(evaluation, 'nats per token')
}

/** Merges neighbouring records, always as many, until there are at most `most`. */
function mergeTo(most: number, records: readonly StepRecord[]): readonly StepRecord[] {
  const size = Math.ceil(records.length / most)
  if (size <= 1) return records
  return Array.from({ length: Math.ceil(records.length / size) }, (_, i) =>
    merged(records.slice(i * size, (i + 1) * size)),
  )
}

/** As StepRecord defines the numbers of several updates. */
function merged(records: readonly StepRecord[]): StepRecord {
  const [first, last] = [records[0], records.at(-1)!]
  const norms = records.flatMap(({ gradientNorm }) => gradientNorm ?? [])
  return {
    ...last,
    from: first.from,
    loss: meanLoss(records),
    gradientNorm: norms.length > 0 ? Math.max(...norms) : null,
    tokensPerSecond: meanSpeed(records),
  }
}

/** At most about `most` of some records, evenly spread, with the first, the last and those to keep. */
function chosen<T>(most: number, records: readonly T[], keep: (record: T) => boolean): readonly T[] {
  if (records.length <= most) return records
  const lastKept = records.findLastIndex(keep)
  const picked = new Set(
    Array.from({ length: most }, (_, i) => Math.round((i * (records.length - 1)) / (most - 1))),
  )
  return records.filter((_, i) => picked.has(i) || i === lastKept)
}

/** Few digits; null for a number that JSON does not have. */
function short(value: number | null): number | null {
  return value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(digits))
}
