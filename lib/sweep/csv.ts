// results.csv: a row for each run of a sweep, for spreadsheets and data frames.

import type { SweepRun } from './runs'

export const csvFile = 'results.csv'

/** The file's text, as in RFC 4180 but with line feeds. The columns of the varying options come first. */
export function csvOf(runs: readonly SweepRun[]): string {
  const varied = Object.keys(runs[0]?.options ?? {})
  const rows = runs.map((run) => [
    ...varied.map((name) => run.options[name]),
    ...[run.state, run.best?.valLoss, run.best?.valBitsPerByte, run.best?.step],
    ...[run.final?.valLoss, run.final?.valBitsPerByte, run.seconds, run.name, run.error?.message],
  ])
  const columns = [
    ...varied,
    ...['state', 'bestValLoss', 'bestValBitsPerByte', 'bestStep'],
    ...['finalValLoss', 'finalValBitsPerByte', 'seconds', 'run', 'error'],
  ]
  return [columns, ...rows].map((row) => `${row.map(cell).join(',')}\n`).join('')
}

/** null is Infinity: no limit. */
function cell(value: unknown): string {
  if (value === undefined) return ''
  const text = value === null ? 'Infinity' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
