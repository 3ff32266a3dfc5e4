// results.csv: a row for each run of a sweep, for spreadsheets and data frames.

import { csvRow } from '../files/csv'
import type { SweepRun } from './runs'

export const csvFile = 'results.csv'

/** The file's text. The columns of the varying options come first. */
export function csvOf(runs: readonly SweepRun[]): string {
  const varied = Object.keys(runs[0]?.options ?? {})
  const rows = runs.map((run) => [
    // null is Infinity: no limit.
    ...varied.map((name) => run.options[name] ?? Infinity),
    ...[run.state, run.best?.valLoss, run.best?.valBitsPerByte, run.best?.step],
    ...[run.final?.valLoss, run.final?.valBitsPerByte, run.seconds, run.name, run.error?.message],
  ])
  const columns = [
    ...varied,
    ...['state', 'bestValLoss', 'bestValBitsPerByte', 'bestStep'],
    ...['finalValLoss', 'finalValBitsPerByte', 'seconds', 'run', 'error'],
  ]
  return [columns, ...rows].map((row) => `${csvRow(row)}\n`).join('')
}
