// Compares runs: the options that differ, and their losses at equal steps and at equal times.

import { bitsPerByte } from '../tokenizer/bits'
import { bestOf, decidingLoss, type LossUnit, meanLoss } from './records'
import type { EvaluationRecord, RunRecord, StepRecord } from './types'

/** The rows of a comparison. */
const rows = 5
/** A training loss is the mean over this fraction of the steps before, because single ones scatter. */
const smoothed = 0.1

export interface Losses {
  /** null: unknown at this point. */
  readonly trainLoss: number | null
  readonly valLoss: number | null
}

export interface Comparison {
  /**
   * 'nats per token' if all runs have the same text and the same tokens; otherwise 'bits per byte',
   * which can be compared.
   */
  readonly unit: LossUnit
  /** The values of each option that differs, by run. undefined: the option does not apply. */
  readonly options: Readonly<Record<string, readonly unknown[]>>
  /** Losses by run, up to the step that all have reached. */
  readonly steps: readonly { readonly step: number; readonly losses: readonly Losses[] }[]
  /** Losses by run, up to the time for which all have trained. Updates alone take time here. */
  readonly times: readonly { readonly seconds: number; readonly losses: readonly Losses[] }[]
  /** The lowest validation loss of each run. null: no evaluation. */
  readonly best: readonly (EvaluationRecord | null)[]
}

export function compareRuns(runs: readonly RunRecord[]): Comparison {
  const unit = haveSameTokens(runs) ? 'nats per token' : 'bits per byte'
  const atStep = (step: number) => runs.map((run) => lossesAt(run, ({ to }) => to <= step, step, unit))
  const atTime = (time: number) =>
    runs.map((run) => {
      const reached = run.history.steps.findLast(({ seconds }) => seconds <= time)
      return lossesAt(run, ({ seconds }) => seconds <= time, reached?.to ?? 0, unit)
    })
  const steps = comparable(runs)
  const times = points(Math.min(...runs.map(({ history }) => history.steps.at(-1)?.seconds ?? 0)))
  return {
    unit,
    options: differences(runs),
    steps: steps.map((step) => ({ step, losses: atStep(step) })),
    times: times.map((seconds) => ({ seconds, losses: atTime(seconds) })),
    best: runs.map(({ history }) => bestOf(history.evaluations)),
  }
}

function haveSameTokens(runs: readonly RunRecord[]): boolean {
  // Vocabularies of the same size may divide a text differently: one that was learned on it, and one of
  // the model that a run started from.
  const kinds = runs.map(({ data: { digest, bytesPerToken }, model, tokenizer }) =>
    JSON.stringify([digest, model.vocabSize, tokenizer, bytesPerToken]),
  )
  return new Set(kinds).size === 1
}

/** Steps up to the one that all runs have reached. If they have evaluations in common, steps of these. */
function comparable(runs: readonly RunRecord[]): number[] {
  const [first, ...others] = runs.map(({ history }) => new Set(history.evaluations.map(({ step }) => step)))
  const common = [...first].filter((step) => step > 0 && others.every((steps) => steps.has(step)))
  const all = points(Math.min(...runs.map(({ step }) => step))).map(Math.round)
  if (common.length < 2) return [...new Set(all)]
  const indexes = points(common.length).map((end) => Math.round(end) - 1)
  return [...new Set(indexes)].filter((index) => index >= 0).map((index) => common[index])
}

/** Points from a part of `end` to all of it; none if it is 0. */
function points(end: number): number[] {
  return end > 0 ? Array.from({ length: rows }, (_, i) => (end * (i + 1)) / rows) : []
}

function lossesAt(
  { history, data }: RunRecord,
  isReached: (record: StepRecord) => boolean,
  step: number,
  unit: LossUnit,
): Losses {
  const evaluation = history.evaluations.findLast((each) => each.step <= step)
  const from = step * (1 - smoothed)
  const reached = history.steps.filter(isReached)
  const recent = reached.filter((record) => record.to > from)
  const loss = meanLoss(recent.length > 0 ? recent : reached.slice(-1))
  const perToken = data.bytesPerToken?.train
  const bits = loss !== null && perToken !== undefined ? bitsPerByte(loss, perToken) : null
  return {
    trainLoss: unit === 'nats per token' ? loss : bits,
    valLoss: evaluation ? decidingLoss(evaluation, unit) : null,
  }
}

function differences(runs: readonly RunRecord[]): Record<string, readonly unknown[]> {
  const all = runs.map(
    ({ options, parameters, data, tokenizer, model: { kind, vocabSize, lora, ...sizes } }) => ({
      // config.json lacks these in a run with `from`, because the model decides them.
      ...{ preset: kind, tokenizer, ...sizes },
      ...options,
      vocabSize,
      ...(options.data === undefined && { data: data.name }),
      text: data.digest.slice(0, 12),
      parameters,
    }),
  )
  const names = [...new Set(all.flatMap((each) => Object.keys(each)))]
  const valuesOf = (name: string) => all.map((each) => (each as Readonly<Record<string, unknown>>)[name])
  const differ = (values: readonly unknown[]) => new Set(values.map((each) => JSON.stringify(each))).size > 1
  return Object.fromEntries(
    names.map((name) => [name, valuesOf(name)] as const).filter(([, values]) => differ(values)),
  )
}
