// The table of a sweep: a row for each configuration, that is for all runs that differ only in their
// seed, and its comparison with the best one.

import type { Point } from './grid'
import type { SweepRun } from './runs'
import { type Summary, summarize, welch } from './statistics'

/** The probability of a chance difference below which a difference counts as larger than the noise. */
export const significance = 0.05

/** Losses can be compared in nats per token if the tokenizer is the same, and in bits per byte otherwise. */
export type Metric = 'valLoss' | 'valBitsPerByte'

/** A configuration beside the best one. */
export interface Comparison {
  /** Its mean lowest validation loss, minus that of the best one. Below 0 only if one of its runs failed. */
  readonly difference: number
  /**
   * The probability of a difference of at least this size by chance (Welch's t-test). null: one of the
   * two has a single finished run, so that the noise is unknown.
   */
  readonly p: number | null
  /** Whether p is below 0.05. null: unknown. */
  readonly exceedsNoise: boolean | null
}

export interface Configuration {
  /** The values of the options that vary, without the seed. */
  readonly options: Point
  /** The number of runs, with those to come. */
  readonly runs: number
  readonly finished: number
  readonly failed: number
  /** The lowest validation loss of each finished run. null: no run has finished. */
  readonly best: Summary | null
  /** Their validation losses after the last step. */
  readonly final: Summary | null
  /** The mean time of a finished run; null if there is none. */
  readonly seconds: number | null
  /** Why the first failed run failed. */
  readonly failure: string | null
  /** null for the best configuration, and for those without a finished run. */
  readonly comparison: Comparison | null
}

export interface Table {
  /** The unit of the losses. */
  readonly metric: Metric
  /** Configurations without failed runs first, each group by its mean loss. The first one is the best. */
  readonly configurations: readonly Configuration[]
}

export function tableOf(runs: readonly SweepRun[]): Table {
  const varies = (name: string) => new Set(runs.map(({ options }) => options[name])).size > 1
  const metric = varies('tokenizer') || varies('vocabSize') ? 'valBitsPerByte' : 'valLoss'
  const groups = new Map<string, SweepRun[]>()
  for (const run of runs) {
    const key = JSON.stringify(withoutSeed(run.options))
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  const rows = [...groups.values()].map((group) => configurationOf(group, metric)).sort(byLoss)
  const [first] = rows
  return {
    metric,
    configurations: rows.map((row, i) => (i === 0 ? row : { ...row, comparison: compare(first, row) })),
  }
}

function withoutSeed({ seed: _, ...others }: Point): Point {
  return others
}

function configurationOf(runs: readonly SweepRun[], metric: Metric): Configuration {
  const finished = runs.filter(({ state }) => state === 'finished')
  const failed = runs.filter(({ state }) => state === 'failed')
  const summaryOf = (name: 'best' | 'final') =>
    finished.length === 0 ? null : summarize(finished.map((run) => run[name]![metric]))
  return {
    options: withoutSeed(runs[0].options),
    runs: runs.length,
    finished: finished.length,
    failed: failed.length,
    best: summaryOf('best'),
    final: summaryOf('final'),
    seconds: finished.length === 0 ? null : summarize(finished.map(({ seconds }) => seconds)).mean,
    failure: failed[0]?.error?.message ?? null,
    comparison: null,
  }
}

/**
 * A configuration of which a run failed comes after those without: the mean of the runs that did not
 * diverge says too little.
 */
function byLoss(a: Configuration, b: Configuration): number {
  const rank = ({ best, failed }: Configuration) => (best === null ? 2 : failed > 0 ? 1 : 0)
  return rank(a) - rank(b) || (a.best?.mean ?? 0) - (b.best?.mean ?? 0)
}

function compare({ best: first }: Configuration, { best }: Configuration): Comparison | null {
  if (first === null || best === null) return null
  const p = welch(first, best)
  return { difference: best.mean - first.mean, p, exceedsNoise: p === null ? null : p < significance }
}
