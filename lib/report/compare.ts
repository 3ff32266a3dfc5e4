// Several runs beside each other: their losses at equal steps and at equal time, and their options.

import type { PageRun } from './data'

/** A validation loss, and when it was evaluated. */
export interface LossAt {
  readonly step: number
  /** The time of all updates before it. */
  readonly seconds: number
  /** In nats per token. */
  readonly valLoss: number
  readonly valBitsPerByte: number
}

/** A run of a comparison. null: it has no evaluation, or none early enough. */
export interface ComparedRun {
  readonly last: LossAt | null
  readonly best: LossAt | null
  /** The newest evaluation up to the step that all runs reached. */
  readonly atEqualStep: LossAt | null
  /** The newest evaluation up to the time that all runs took. */
  readonly atEqualTime: LossAt | null
}

export interface Comparison {
  /** The last evaluated step of the run that ended first. null: a run has no evaluation. */
  readonly equalStep: number | null
  readonly equalSeconds: number | null
  /** Whether losses in nats per token can be compared: all runs predict the same tokens. */
  readonly sameTokens: boolean
  /** Whether all runs were evaluated on the same text. */
  readonly sameText: boolean
  readonly runs: readonly ComparedRun[]
  /** The options whose values differ. A value is null where a run has no such option. */
  readonly differences: readonly { readonly name: string; readonly values: readonly unknown[] }[]
}

/** Compares runs. */
export function compare(runs: readonly PageRun[]): Comparison {
  const evaluations = runs.map(evaluationsOf)
  const lasts = evaluations.map((all) => all.at(-1) ?? null)
  const least = (value: (last: LossAt) => number) =>
    lasts.some((last) => last === null) ? null : Math.min(...lasts.map((last) => value(last!)))
  const equalStep = least(({ step }) => step)
  const equalSeconds = least(({ seconds }) => seconds)
  const upTo = (all: readonly LossAt[], value: (each: LossAt) => number, limit: number | null) =>
    limit === null ? null : (all.findLast((each) => value(each) <= limit) ?? null)
  return {
    equalStep,
    equalSeconds,
    sameTokens: new Set(runs.map(tokensOf)).size <= 1,
    sameText: new Set(runs.map(({ data }) => data.digest)).size <= 1,
    runs: evaluations.map((all, i) => ({
      last: lasts[i],
      best: bestOf(all),
      atEqualStep: upTo(all, ({ step }) => step, equalStep),
      atEqualTime: upTo(all, ({ seconds }) => seconds, equalSeconds),
    })),
    differences: differencesOf(runs),
  }
}

function evaluationsOf({ evaluations }: PageRun): readonly LossAt[] {
  return evaluations.step.flatMap((step, i) => {
    const [valLoss, valBitsPerByte] = [evaluations.validation[i], evaluations.validationBits[i]]
    if (valLoss === null || valBitsPerByte === null) return []
    return [{ step: step!, seconds: evaluations.seconds[i] ?? 0, valLoss, valBitsPerByte }]
  })
}

function bestOf(all: readonly LossAt[]): LossAt | null {
  return all.reduce<LossAt | null>((best, each) => (best && best.valLoss <= each.valLoss ? best : each), null)
}

/** What decides which tokens a run predicts. A char tokenizer depends on the text. */
function tokensOf({ options, model, data }: PageRun): string {
  return JSON.stringify([options.tokenizer, model.vocabSize, data.digest])
}

function differencesOf(runs: readonly PageRun[]): Comparison['differences'] {
  const names = [...new Set(runs.flatMap(({ options }) => Object.keys(options)))]
  return names.flatMap((name) => {
    const values = runs.map(({ options }) => (options as Readonly<Record<string, unknown>>)[name] ?? null)
    return new Set(values.map((value) => JSON.stringify(value))).size > 1 ? [{ name, values }] : []
  })
}
