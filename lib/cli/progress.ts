// Prints the progress of a training run: permanent lines for evaluations, samples and checkpoints,
// and live lines on a terminal.

import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { describePassedOver, devices } from '../backend/devices'
import { loadAddon } from '../backend/native/addon'
import { say as phrase } from '../errors'
import type { EncodingEvent, EvaluatingEvent, EvaluationEvent, StartEvent, TrainEvent } from '../train/events'
import { asciiBars, bars, curve } from './curve'
import { header } from './header'
import { layout, type Style, short } from './layout'
import { LiveRun } from './live_run'
import {
  accent,
  block,
  bold,
  clock,
  count,
  dim,
  hasDrawingCharacters,
  isTerminal,
  live,
  note,
  plural,
  redraw,
  say,
  terminalSize,
} from './output'
import { notice } from './sources'
import { bytes, speeds, wrap } from './words'

/** The shortest time between progress lines without a terminal. */
const secondsPerLine = 5
/** The shortest time between redraws: faster changes cannot be read. */
const secondsPerDraw = 0.1
const mostOfSummary = 40
/** Between the parts of a line. */
const gap = '  '
/** The longest name in the header. */
const nameWidth = 'evaluation'.length

export const style: Style = {
  dim,
  bold,
  accent,
  levels: hasDrawingCharacters ? bars : asciiBars,
  bar: hasDrawingCharacters ? ['━', '╌'] : ['#', '-'],
}

export interface ProgressOptions {
  /**
   * The requested device. Without one, or for 'auto', the header says why the native engine is not
   * used.
   */
  readonly device?: string
  /** The run folder. */
  readonly out?: string
}

const phases = { reading: 'reading the text', encoding: 'encoding the text' } as const

/** The progress with a large text: `reading the text: 45% of 1.0 GB, 52 MB/s, 0:10 left`. */
export function describeEncoding({ phase, bytes: done, totalBytes, seconds }: EncodingEvent): string {
  const rate = done / seconds
  const part = Math.floor((100 * done) / totalBytes)
  return `${phases[phase]}: ${part}% of ${bytes(totalBytes)}, ${bytes(rate)}/s, ${clock((totalBytes - done) / rate)} left`
}

export class Progress {
  private readonly run = new LiveRun()
  private readonly begun = performance.now()
  private lastLine = performance.now()
  private lastDraw = 0
  private saved: string[] = []
  private stopping = false
  private phase: EncodingEvent['phase'] | undefined

  constructor(private readonly options: ProgressOptions) {}

  show(event: TrainEvent): void {
    if (event.type === 'measuring') live('measuring the speed of this machine …')
    if (event.type === 'encoding') this.showEncoding(event)
    if (event.type === 'fallback') note(describePassedOver(event))
    if (event.type === 'notice') notice(event.message)
    if (event.type === 'warning') notice(phrase`nano-gpt: ${event.message}`)
    this.run.observe(event)
    if (event.type === 'start') this.showStart(event)
    if (!this.run.start) return
    if (event.type !== 'checkpoint' && event.type !== 'evaluation') this.showSaved()
    if (event.type === 'step') this.pass(() => this.stepText())
    else if (event.type === 'evaluating') this.showEvaluating(event)
    else if (event.type === 'evaluation') this.showEvaluation(event)
    else if (event.type === 'sample')
      say(`\n${block(`a sample after ${plural(event.step, 'step')}`, event.text)}\n`)
    else if (event.type === 'checkpoint') this.saved.push(event.path)
    else if (event.type === 'end') this.showEnd()
  }

  /** Shows that the run is stopping. */
  stop(): void {
    this.stopping = true
    redraw()
  }

  /** Without a terminal, only a line at the beginning of each phase. */
  private showEncoding(event: EncodingEvent): void {
    const { phase, totalBytes } = event
    live(describeEncoding(event))
    if (isTerminal || this.phase === phase) return
    this.phase = phase
    note(`${phases[phase]}: ${bytes(totalBytes)}`)
  }

  private showStart(event: StartEvent): void {
    live('')
    const device = describeDevice(event.device, this.options.device)
    for (const [name, value] of header(event.plan, device, this.options.out)) field(name, value)
    say()
    live((columns) => layout(this.run.view(this.stopping ? 'stopping …' : undefined), columns, style))
  }

  private stepText(): string {
    const { run } = this
    const left = run.secondsLeft()
    const time = run.step < run.start!.steps && Number.isFinite(left) ? `, ${clock(left)} left` : ''
    return `loss ${short(run.loss)}, ${speeds(run.tokensPerSecond, run.bytesPerSecond)[0]}${time}`
  }

  private showEvaluating(event: EvaluatingEvent): void {
    this.pass(() => `evaluating: batch ${event.done} of ${event.total}`)
  }

  /** Shows progress: in the live lines, or from time to time as a line. */
  private pass(text: () => string): void {
    const now = performance.now()
    if (isTerminal) {
      if (now - this.lastDraw < secondsPerDraw * 1000) return
      this.lastDraw = now
      redraw()
    } else if (now - this.lastLine >= secondsPerLine * 1000) {
      this.lastLine = now
      say(`${this.label(this.run.step)}${text()}`)
    }
  }

  private showEvaluation(event: EvaluationEvent): void {
    this.showSaved()
    if (this.run.evaluations.length === 1) explainLosses()
    this.lastLine = performance.now()
    const label = this.label(event.step)
    const { trainLoss, valLoss, valBitsPerByte, exactValLoss, exactValBitsPerByte } = event
    const parts = [
      `training loss ${trainLoss.toFixed(4)}`,
      `validation loss ${valLoss.toFixed(4)}`,
      ...(exactValLoss === undefined ? [] : [`whole split ${exactValLoss.toFixed(4)}`]),
      `${(exactValBitsPerByte ?? valBitsPerByte).toFixed(3)} bits/byte`,
      clock((performance.now() - this.begun) / 1000),
      ...(event.best ? [] : ['(no improvement)']),
    ]
    // Painted after the line breaks, because color codes have no width.
    const paint = (part: string, i: number) =>
      i === 0 ? part : i === 1 ? part.replace(/\S+$/, (loss) => bold(loss)) : dim(part)
    let line = label
    let width = label.length - gap.length
    parts.forEach((part, i) => {
      const fits = i === 0 || width + gap.length + part.length <= lineColumns() + 1
      line += i === 0 ? '' : fits ? gap : `\n${' '.repeat(label.length)}`
      width = (fits ? width + gap.length : label.length) + part.length
      line += paint(part, i)
    })
    say(line)
  }

  private showSaved(): void {
    if (this.saved.length === 0) return
    // Saves of several steps may be announced together, each with the same names.
    const names = [...new Set(this.saved.map((path) => basename(path)))]
    this.saved = []
    const indent = ' '.repeat(this.label(0).length)
    for (const line of wrap(`saved ${names.join(' and ')}`, lineColumns() - indent.length)) {
      say(dim(`${indent}${line}`))
    }
  }

  private showEnd(): void {
    live('')
    const { columns } = isTerminal ? terminalSize() : { columns: 80 }
    const line = summary(this.run.evaluations, Math.min(columns - 1, 79))
    if (line !== '') say(`\n${line}`)
  }

  private label(step: number): string {
    return `step ${count(step).padStart(count(this.run.start!.steps).length)}  `
  }
}

/** Explains the numbers of evaluations, before the first one. */
function explainLosses(): void {
  const text =
    'Loss: nats per token; bits/byte compares tokenizers. Lower is better. Validation: text not used in ' +
    'training. Time: minutes:seconds since the start.'
  for (const line of wrap(text, lineColumns())) say(dim(line))
}

/** Columns that permanent lines may use: a terminal's, or 80. */
export function lineColumns(): number {
  return (isTerminal ? terminalSize().columns : 81) - 1
}

/**
 * The validation losses of a run in one line, with the first, the last and the best; '' if there
 * are fewer than two.
 */
function summary(evaluations: readonly EvaluationEvent[], columns: number): string {
  const losses = evaluations.map(({ valLoss }) => valLoss)
  if (losses.length < 2) return ''
  const best = evaluations.findLast((event) => event.best)
  const ends = [`validation loss ${losses[0].toFixed(2)} `, ` ${losses.at(-1)!.toFixed(2)}`]
  const tail =
    best && best !== evaluations.at(-1)
      ? ` (best ${best.valLoss.toFixed(2)} after ${plural(best.step, 'step')})`
      : ''
  const room = columns - ends.join('').length
  const isRoomy = room - tail.length >= Math.min(losses.length, 8)
  const width = Math.min(mostOfSummary, isRoomy ? room - tail.length : room)
  return `${ends[0]}${accent(curve(losses, width, style.levels))}${ends[1]}${isRoomy ? dim(tail) : ''}`
}

/**
 * Prints a line of the header, wrapped to the terminal's width, or to 80 columns without a
 * terminal. On a very narrow terminal the name is on a line of its own.
 */
export function field(name: string, value: string): void {
  const columns = lineColumns()
  const isNarrow = columns < 2 * (nameWidth + 1) + 16
  const indent = isNarrow ? 2 : nameWidth + 1
  const lines = value.split('\n').flatMap((line) => wrap(line, Math.max(columns - indent, 16)))
  const rest = lines.join(`\n${' '.repeat(indent)}`)
  say(isNarrow ? `${dim(name)}\n  ${rest}` : `${dim(name.padEnd(nameWidth))} ${rest}`)
}

/** Describes the device. If it is 'js' because the native engine is disabled, says so. */
export function describeDevice(device: string, asked?: string): string {
  const { addon, isDisabled, reason } = loadAddon()
  if (device === 'js') {
    const why = asked === 'js' || !isDisabled ? '' : `\n${reason}`
    return `js: plain TypeScript on one thread, slow${why}`
  }
  const info = addon?.info()
  if (info && device === 'cpu') {
    return `cpu: ${info.instructionSet}, ${plural(info.threads, 'thread')} of ${availableParallelism()}`
  }
  // devices() describes only the first of several GPUs.
  const gpu = devices().find(({ name }) => name === device)
  return gpu ? `${device}: ${gpu.description}` : device
}
