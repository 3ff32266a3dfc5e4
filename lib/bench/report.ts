// Formats results as lines of a table. Widths are fixed, so that each line can be printed as soon
// as it is measured.

import type { Change } from './file'
import type { Kind } from './kinds'
import type { Comparison, Result } from './result'

interface Column {
  readonly title: string
  readonly width: number
  readonly left?: boolean
  readonly cell: (result: Result) => string
}

/** Additional columns. */
export interface Extras {
  readonly torch: boolean
  readonly baseline: boolean
}

const columnsOf: Readonly<Record<Kind, readonly Column[]>> = {
  steps: [
    { title: 'stage', width: 6, left: true, cell: ({ name }) => name },
    { title: 'preset', width: 14, left: true, cell: ({ preset }) => preset ?? '' },
    { title: 'batch', width: 5, cell: ({ batchSize }) => String(batchSize ?? '') },
    { title: 'ms/step', width: 10, cell: ({ ms }) => figures(ms) },
  ],
  ops: [
    { title: 'op', width: 24, left: true, cell: ({ name }) => name },
    { title: 'sizes', width: 36, left: true, cell: ({ shapes }) => shapes ?? '' },
    { title: 'ms', width: 9, cell: ({ ms }) => figures(ms) },
    ...ratesColumns(),
  ],
  generate: [
    { title: 'case', width: 14, left: true, cell: ({ name }) => name },
    { title: 'ms/token', width: 10, cell: ({ ms }) => figures(ms) },
    { title: 'tokens/s', width: 9, cell: ({ tokensPerSecond }) => rate(tokensPerSecond, 1) },
  ],
  roofline: [
    // The name of the case is above the table.
    { title: 'op', width: 52, left: true, cell: ({ name }) => name.slice(name.indexOf(' ') + 1) },
    { title: 'calls', width: 5, cell: ({ calls }) => String(calls ?? '') },
    { title: 'ms', width: 9, cell: ({ ms }) => figures(ms) },
    { title: 'of step', width: 7, cell: ({ part }) => percent(part) },
    ...ratesColumns(),
  ],
  paper: [
    { title: 'op', width: 52, left: true, cell: ({ name }) => name.slice(name.indexOf(' ') + 1) },
    { title: 'calls', width: 5, cell: ({ calls }) => String(calls ?? '') },
    { title: 'GFLOP', width: 8, cell: ({ flops }) => figures(flops! / 1e9) },
    { title: 'MB', width: 8, cell: ({ bytes }) => figures(bytes! / 1e6) },
    { title: 'FLOP/byte', width: 9, cell: ({ flops, bytes }) => (flops! / bytes!).toFixed(1) },
    { title: 'bound by', width: 8, left: true, cell: ({ limit }) => limit ?? '' },
    { title: 'ms', width: 8, cell: ({ ms }) => figures(ms) },
    { title: 'of step', width: 7, cell: ({ part }) => percent(part) },
  ],
}

function ratesColumns(): Column[] {
  return [
    { title: 'GFLOP/s', width: 8, cell: ({ flopsPerSecond }) => rate(flopsPerSecond, 1e9) },
    { title: 'GB/s', width: 7, cell: ({ bytesPerSecond }) => rate(bytesPerSecond, 1e9) },
    { title: 'of bound', width: 8, cell: ({ share }) => percent(share) },
    { title: '', width: 7, left: true, cell: ({ limit }) => limit ?? '' },
  ]
}

const torchTitles = ['compared'.padEnd(10), 'ms'.padStart(10), 'theirs/ours'.padStart(11), 'each round']
const baselineTitles = ['before'.padStart(10), 'before/now'.padStart(10)]
const gap = '  '

export function titles(kind: Kind, extras: Extras): string {
  const cells = columnsOf[kind].map(({ title, width, left }) => fit(title, width, left))
  if (extras.baseline) cells.push(...baselineTitles)
  if (extras.torch) cells.push(...torchTitles)
  return cells.join(gap).trimEnd()
}

/** The lines of a result: one for each comparison, or a single one. */
export function linesOf(result: Result, extras: Extras, change?: Change): string[] {
  const cells = columnsOf[result.kind].map(({ width, left, cell }) => fit(cell(result), width, left))
  if (extras.baseline) {
    const [before, ratio] = change ? [figures(change.ms), change.ratio.toFixed(2)] : ['', 'new']
    cells.push(before.padStart(10), ratio.padStart(10))
  }
  const own = cells.join(gap)
  const memory = result.peakBytes === undefined ? [] : [`${own.replace(/./g, ' ')}${gap}${memoryOf(result)}`]
  const [first, ...rest] = (result.torch ?? []).map(comparisonCells)
  if (first === undefined) return [own.trimEnd()]
  const blank = ' '.repeat(own.length)
  return [own + gap + first, ...rest.map((cells) => blank + gap + cells), ...memory]
}

function comparisonCells({ variant, ms, ratio, ratios }: Comparison): string {
  const rounds = ratios.map((each) => each.toFixed(2)).join(' ')
  return [variant.padEnd(10), figures(ms).padStart(10), ratio.toFixed(2).padStart(11), rounds].join(gap)
}

function memoryOf({ peakBytes, torch = [] }: Result): string {
  const theirs = torch.map(({ variant, peakBytes }) => `, ${variant} ${gigabytes(peakBytes)}`).join('')
  return `peak memory: nano-gpt ${gigabytes(peakBytes)}${theirs}`
}

/** The total of a step, below the table of its ops. */
export function totalOf(result: Result): string {
  return result.kind === 'paper' ? paperTotalOf(result) : measuredTotalOf(result)
}

function paperTotalOf({ ms, name, calls, flops, bytes, tokensPerSecond, device, peak }: Result): string {
  const whole = `${name}: ${figures(ms)} ms/step, ${figures(tokensPerSecond!)} tokens/s`
  const cost = `${calls} ops, ${figures(flops! / 1e9)} GFLOP, ${figures(bytes! / 1e9)} GB`
  const { flopsPerSecond, bytesPerSecond } = peak!
  const ceiling = `${rate(flopsPerSecond, 1e12)} TFLOP/s and ${rate(bytesPerSecond, 1e9)} GB/s`
  const ridge = `${(flopsPerSecond / bytesPerSecond).toFixed(1)} FLOP/byte`
  return `${whole} at best (${cost}; ${device}: ${ceiling}, ${ridge}; nothing was measured)`
}

function measuredTotalOf({ ms, name, device, flopsPerSecond, share, peak, threads }: Result): string {
  const whole = `${name}: ${figures(ms)} ms/step, ${rate(flopsPerSecond, 1e9)} GFLOP/s`
  if (!peak) return whole
  const ceiling = `${rate(peak.flopsPerSecond, 1e9)} GFLOP/s and ${rate(peak.bytesPerSecond, 1e9)} GB/s`
  const how = device === 'cpu' ? `with ${threads} threads` : 'with a large matrix product and a large copy'
  return `${whole}, ${percent(share)} of the peak (${ceiling}, measured ${how})`
}

function fit(text: string, width: number, left = false): string {
  const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text
  return left ? cut.padEnd(width) : cut.padStart(width)
}

/** A positive number with about four significant digits. */
export function figures(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(Math.abs(value) >= 100 ? 1 : Math.abs(value) >= 10 ? 2 : 3)
}

function rate(value: number | undefined, unit: number): string {
  return value === undefined ? '' : (value / unit).toFixed(1)
}

function percent(part: number | undefined): string {
  return part === undefined ? '' : `${(100 * part).toFixed(1)}%`
}

function gigabytes(bytes: number | undefined): string {
  return bytes === undefined ? 'unknown' : `${(bytes / 1e9).toFixed(2)} GB`
}
