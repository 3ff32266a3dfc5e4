// The live lines of a training run, for any width. A pure function, so that every width can be
// tested.

import { curve } from './curve'
import { clock, count, speeds } from './words'

/** The state of a run at one moment. */
export interface View {
  readonly step: number
  readonly steps: number
  /** A moving average; NaN before the first step. */
  readonly loss: number
  /** The losses of the run so far. */
  readonly losses: readonly number[]
  /** NaN while unknown, like `secondsLeft`. */
  readonly tokensPerSecond: number
  readonly bytesPerSecond: number
  readonly secondsLeft: number
  /** The current activity other than training: `evaluating 37/400`. */
  readonly activity?: string
  readonly evaluation?: {
    readonly step: number
    readonly trainLoss: number
    readonly valLoss: number
    readonly valBitsPerByte: number
    readonly best: boolean
  }
}

/** Colors, and characters that the console supports. */
export interface Style {
  readonly dim: (text: string) => string
  readonly bold: (text: string) => string
  readonly accent: (text: string) => string
  /** From low to high. */
  readonly levels: string
  /** The characters of the bar. */
  readonly bar: readonly [done: string, undone: string]
}

/** Longer lines are hard to read. */
const mostColumns = 120
const gap = 2
const fewestOfBar = 5
const mostOfBar = 40
const fewestOfCurve = 5
/** Columns that the evaluation leaves for the curve. */
const roomOfCurve = 12

/**
 * Two lines of at most `width` columns: progress, and losses. On narrower terminals parts are
 * dropped. Step and loss stay longest, then time left, curve, speed, and the last evaluation.
 */
export function layout(view: View, width: number, style: Style): string[] {
  const columns = Math.min(width, mostColumns)
  return [progressLine(view, columns, style), learningLine(view, columns, style)].filter(
    (line) => line !== '',
  )
}

function progressLine(view: View, columns: number, { dim, accent, bar }: Style): string {
  const { step, steps, secondsLeft, tokensPerSecond, bytesPerSecond } = view
  const line = new Line(columns)
  const at = line.take([`${count(step)}/${count(steps)}`, count(step), percent(step / steps)])
  const time = Number.isFinite(secondsLeft) ? clock(secondsLeft) : ''
  const left = line.take(time === '' ? [] : [`${time} left`, time])
  const speed = line.take(Number.isFinite(tokensPerSecond) ? speeds(tokensPerSecond, bytesPerSecond) : [])
  const length = Math.min(line.room, mostOfBar)
  const done = Math.floor((length * step) / steps)
  const drawn = painted(bar[0].repeat(done), accent) + painted(bar[1].repeat(length - done), dim)
  return join(length < fewestOfBar ? '' : drawn, at, left, painted(speed, dim))
}

function learningLine(view: View, columns: number, { dim, bold, accent, levels }: Style): string {
  const line = new Line(columns)
  const { activity = '' } = view
  const label = 'loss '
  const value = Number.isNaN(view.loss) ? '' : short(view.loss)
  // Where loss and activity do not both fit, the activity has the line.
  const room = columns - (activity === '' ? 0 : activity.length + gap)
  const loss = value !== '' && label.length + value.length <= room ? line.take([label + value]) : ''
  const doing = line.take([activity, activity.split(' ')[0]])
  const evaluation = doing === '' && view.evaluation ? line.take(inWords(view.evaluation), roomOfCurve) : ''
  const hasCurve = loss !== '' && view.losses.length > 1 && line.room >= fewestOfCurve
  // A curve ends in spaces where no loss was finite.
  const drawn = hasCurve ? painted(curve(view.losses, line.room, levels).trimEnd(), accent) : ''
  return join(loss === '' ? '' : label + bold(value), drawn, doing, painted(evaluation, dim))
}

/** The texts for an evaluation, from longest to shortest. */
function inWords(evaluation: NonNullable<View['evaluation']>): string[] {
  const { step, trainLoss, valLoss, valBitsPerByte, best } = evaluation
  const mark = best ? '(best)' : '(no improvement)'
  const losses = `training ${short(trainLoss)}  validation ${short(valLoss)}`
  const bits = `${short(valBitsPerByte)} bits/byte`
  return [
    `at ${count(step)}: ${losses}  ${bits} ${mark}`,
    `at ${count(step)}: ${losses} ${mark}`,
    `${losses} ${mark}`,
    `validation ${short(valLoss)} ${mark}`,
  ]
}

/** Allocates the columns of a line, with a gap before each part except the first. */
class Line {
  private used = 0

  constructor(private readonly columns: number) {}

  /** The columns that are left for another part. */
  get room(): number {
    return Math.max(0, this.columns - this.used - (this.used > 0 ? gap : 0))
  }

  /** Takes the first text that fits and leaves `keep` columns for another part; '' if none does. */
  take(texts: readonly string[], keep = 0): string {
    const room = keep > 0 ? this.room - keep - gap : this.room
    const fitting = texts.find((text) => text.length <= room) ?? ''
    if (fitting !== '') this.used = this.columns - this.room + fitting.length
    return fitting
  }
}

/** Joins the non-empty parts with gaps. */
function join(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' '.repeat(gap))
}

/** Paints a text. An empty one stays empty, without color codes. */
function painted(text: string, paint: Style['dim']): string {
  return text === '' ? '' : paint(text)
}

function percent(part: number): string {
  return `${Math.floor(100 * part)}%`
}

/** A loss in few characters, even if it is huge or not finite. */
export function short(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss)
  return Math.abs(loss) < 1000 ? loss.toFixed(3) : loss.toPrecision(4)
}
