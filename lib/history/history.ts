// The history of a run in memory: what its file says, thinned to a bounded size. The recorder of a run
// adds to it, and so does a reader of the file.

import { bucketOf, firstSamples, firstSteps, Thinned } from './buckets'
import type { EndRecord, Line, PartialRecord } from './lines'
import type {
  CheckpointRecord,
  EvaluationRecord,
  RunHistory,
  SampleRecord,
  SessionRecord,
  StepRecord,
  WarningRecord,
} from './types'

/** The largest number of sessions. The first one is always kept, and otherwise the newest. */
const mostSessions = 1000
/** The checkpoints for which the sums of an unfinished bucket are kept: the newest, and the best. */
const mostPartials = { last: 100, best: 2 }

/** The progress of a checkpoint to which a history is cut. */
export interface Cut {
  readonly step: number
  /** The steps of the last evaluation and the last sample that the checkpoint counts as done. */
  readonly evaluation: number | null
  readonly sample: number | null
}

/** Whether a line is of the time before a checkpoint. */
export function isBefore([type, record]: Line, { step, evaluation, sample }: Cut): boolean {
  if (type === 'steps' || type === 'partial') return record.to <= step
  if (type === 'evaluation') return record.step <= (evaluation ?? -1)
  if (type === 'sample') return record.step <= (sample ?? -1)
  // A warning is of the update after `step` others.
  if (type === 'warning') return record.step < step
  return type !== 'end' && record.step <= step
}

export class History {
  private readonly steps = new Map<number, StepRecord>()
  private readonly evaluations = new Thinned<EvaluationRecord>(firstSteps, ({ best }) => best)
  private readonly samples = new Thinned<SampleRecord>(firstSamples)
  private readonly checkpoints = new Map<string, Thinned<CheckpointRecord>>()
  private readonly sessions: SessionRecord[] = []
  private readonly warnings = new Thinned<WarningRecord>()
  /** Of checkpoints, by step, in the order in which they came. */
  private readonly partials = new Map<number, PartialRecord>()
  private newest: PartialRecord | undefined
  /** The number of updates, as far as any line tells. */
  step = 0
  /** The time of these updates. */
  seconds = 0
  /** How the run ended; undefined if it goes on, or was killed. */
  end: EndRecord | undefined

  add([type, record]: Line): void {
    if (type === 'steps') {
      this.reach(record.to, record.seconds)
      this.steps.set(bucketOf(record.from, firstSteps).from, record)
    } else if (type === 'partial') {
      this.reach(record.to, record.seconds)
      this.addPartial(record)
    } else {
      this.reach(record.step, 'seconds' in record ? record.seconds : 0)
      if (type === 'evaluation') this.evaluations.add(record)
      else if (type === 'sample') this.samples.add(record)
      else if (type === 'checkpoint') this.addCheckpoint(record)
      else if (type === 'warning') this.warnings.add(record)
      else if (type === 'end') this.end = record
      else this.addSession(record)
    }
  }

  /** The unfinished bucket at a checkpoint, if it is known. */
  partialAt(step: number): PartialRecord | undefined {
    return this.partials.get(step)
  }

  hasCheckpoint(name: string, step: number): boolean {
    return this.checkpoints.get(name)?.records.some((each) => each.step === step) ?? false
  }

  /** The history as the lines of a file, in the order of their steps. */
  lines(): Line[] {
    const { steps, evaluations, samples, checkpoints, sessions, warnings } = this.view(false)
    const partials = new Set(this.partials.values())
    if (this.newest) partials.add(this.newest)
    // Lines of one step stay in this order.
    const lines = [
      ...steps.map((record): Line => ['steps', record]),
      ...[...partials].map((record): Line => ['partial', record]),
      ...sessions.map((record): Line => ['session', record]),
      ...evaluations.map((record): Line => ['evaluation', record]),
      ...samples.map((record): Line => ['sample', record]),
      ...checkpoints.map((record): Line => ['checkpoint', record]),
      ...warnings.map((record): Line => ['warning', record]),
    ]
    const stepOf = ([, record]: Line) => ('to' in record ? record.to : record.step)
    lines.sort((a, b) => stepOf(a) - stepOf(b))
    return this.end ? [...lines, ['end', this.end]] : lines
  }

  /** @param unfinished whether to include the updates of the bucket that is not full yet */
  view(unfinished = true): RunHistory {
    const steps = [...this.steps.values()].sort((a, b) => a.from - b.from)
    const { newest } = this
    if (unfinished && newest && newest.to > newest.from && newest.from >= (steps.at(-1)?.to ?? 0)) {
      const { sum: _, counted: __, since: ___, checkpoint: ____, spikes: _____, ...record } = newest
      steps.push(record)
    }
    return {
      steps,
      evaluations: this.evaluations.records,
      samples: this.samples.records,
      checkpoints: [...this.checkpoints.values()]
        .flatMap(({ records }) => records)
        .sort((a, b) => a.step - b.step),
      sessions: [...this.sessions],
      warnings: this.warnings.records,
    }
  }

  private reach(step: number, seconds: number): void {
    this.step = Math.max(this.step, step)
    this.seconds = Math.max(this.seconds, seconds)
  }

  private addPartial(record: PartialRecord): void {
    if (!this.newest || record.to >= this.newest.to) this.newest = record
    if (record.checkpoint === undefined) return
    this.partials.delete(record.to)
    this.partials.set(record.to, record)
    for (const kind of ['last', 'best'] as const) {
      const all = [...this.partials.values()].filter(({ checkpoint }) => checkpoint === kind)
      for (const { to } of all.slice(0, -mostPartials[kind])) this.partials.delete(to)
    }
  }

  private addCheckpoint(record: CheckpointRecord): void {
    const { name } = record
    // Older checkpoints are renamed, which is no news.
    if (!this.checkpoints.has(name)) this.checkpoints.set(name, new Thinned<CheckpointRecord>())
    this.checkpoints.get(name)!.add(record)
  }

  private addSession(record: SessionRecord): void {
    this.end = undefined
    this.sessions.push(record)
    if (this.sessions.length > mostSessions) this.sessions.splice(1, 1)
  }
}
