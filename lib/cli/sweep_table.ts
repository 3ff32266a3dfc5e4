// The table of a sweep as lines of text, for any width. Pure functions, so that every width can be
// tested.

import { kebab } from '../options'
import type { Point } from '../sweep/grid'
import type { Summary } from '../sweep/statistics'
import type { Configuration, Table } from '../sweep/table'
import { significance } from '../sweep/table'
import { clock, plural, sentence, wrap } from './words'

const gap = '  '
const none = '–'

interface Column {
  readonly title: string
  readonly cell: (row: Configuration, index: number) => string
  /** Columns with a higher number are left out first where the table is too wide. Absent: never. */
  readonly spare?: number
}

/** The value of an option. null: no limit. */
const shown = (value: Point[string]) => (value === null ? 'Infinity' : String(value))

/** `learning-rate=0.001,seed=1`, or `all` where nothing but the seed varies. */
export function describePoint(options: Point): string {
  return (
    Object.entries(options)
      .map(([name, value]) => `${kebab(name)}=${shown(value)}`)
      .join(',') || 'all'
  )
}

/** A loss and its standard deviation, if that is known: `2.1034 ± 0.0121`. */
function withDeviation(summary: Summary | null): string {
  if (summary === null) return none
  const { mean, deviation } = summary
  return deviation === null ? mean.toFixed(4) : `${mean.toFixed(4)} ± ${deviation.toFixed(4)}`
}

/** A probability with two digits. */
export function probability(p: number): string {
  return p < 0.0001 ? '<0.0001' : String(Number(p.toPrecision(2)))
}

function signed(difference: number): string {
  return `${difference < 0 ? '-' : '+'}${Math.abs(difference).toFixed(4)}`
}

function verdict({ comparison, best, failed }: Configuration, index: number): string {
  if (best === null) return failed > 0 ? 'failed' : 'waiting'
  if (index === 0) return failed > 0 ? 'some failed' : 'best'
  if (failed > 0) return 'some failed'
  if (comparison === null || comparison.exceedsNoise === null) return 'noise unknown'
  return comparison.exceedsNoise ? 'above noise' : 'within noise'
}

function columnsOf({ configurations }: Table): Column[] {
  const [{ options }] = configurations
  const isPartial = configurations.some(({ runs, finished }) => finished < runs)
  const hasP = configurations.some(({ comparison }) => comparison !== null && comparison.p !== null)
  return [
    ...Object.keys(options).map(
      (name): Column => ({ title: kebab(name), cell: (row) => shown(row.options[name]) }),
    ),
    ...(isPartial
      ? [{ title: 'runs', cell: ({ finished, runs }: Configuration) => `${finished}/${runs}` }]
      : []),
    { title: 'best loss', cell: ({ best }) => withDeviation(best) },
    { title: 'final', cell: ({ final }) => final?.mean.toFixed(4) ?? none, spare: 3 },
    { title: 'time', cell: ({ seconds }) => (seconds === null ? none : clock(seconds)), spare: 2 },
    {
      title: 'difference',
      cell: ({ comparison }) => (comparison === null ? '' : signed(comparison.difference)),
      spare: 0,
    },
    ...(hasP
      ? [
          {
            title: 'p',
            cell: ({ comparison }: Configuration) => (comparison?.p == null ? '' : probability(comparison.p)),
            spare: 1,
          },
        ]
      : []),
    { title: '', cell: verdict },
  ]
}

/** The table in lines of at most `width` columns, or more where a single word is longer. */
export function tableLines(table: Table, width: number): string[] {
  let columns = columnsOf(table)
  for (;;) {
    const lines = drawn(columns, table.configurations)
    if (Math.max(...lines.map((line) => line.length)) <= width) return lines
    const spares = columns.map(({ spare = -1 }) => spare)
    const most = Math.max(...spares)
    if (most < 0) return listed(table, width)
    columns = columns.filter((_, i) => spares[i] !== most)
  }
}

function drawn(columns: readonly Column[], rows: readonly Configuration[]): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row, i) => columns.map(({ cell }) => cell(row, i))),
  ]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i].length)))
  return cells.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i]))
      .join(gap)
      .trimEnd(),
  )
}

/** For terminals on which no table fits: each configuration as a paragraph. */
function listed(table: Table, width: number): string[] {
  const columns = columnsOf(table)
  return table.configurations.flatMap((row, i) => {
    const cells = columns.map(({ title, cell }) => `${title} ${cell(row, i)}`.trim())
    return wrap(cells.filter((cell) => !columns.some(({ title }) => title === cell)).join(', '), width)
  })
}

/** What the columns mean, and why runs failed. */
export function explanations({ metric, configurations }: Table): string[] {
  const unit = metric === 'valLoss' ? 'nats per token' : 'bits per byte'
  const hasDeviation = configurations.some(({ best }) => best !== null && best.deviation !== null)
  const hasP = configurations.some(({ comparison }) => comparison !== null && comparison.p !== null)
  return [
    `Validation loss in ${unit}; lower is better.${hasDeviation ? ' ±: standard deviation over the seeds.' : ''}`,
    ...(hasP
      ? [
          "difference: from the best. p: the probability of such a difference by chance (Welch's t-test); " +
            `below ${significance} it is above the noise.`,
        ]
      : []),
    ...configurations
      .filter(({ failed }) => failed > 0)
      .map(
        ({ options, failed, runs, failure }) =>
          `${describePoint(options)}: ${failed} of ${plural(runs, 'run')} failed: ${sentence(failure ?? '')}.`,
      ),
  ]
}
