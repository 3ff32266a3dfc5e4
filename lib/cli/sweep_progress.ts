// Prints the progress of a sweep: a line for each run that is done, and live lines on a terminal.

import { describePassedOver } from '../backend/devices'
import type { SweepEvent } from '../sweep/events'
import { isDone, type SweepRun } from '../sweep/runs'
import type { TrainEvent } from '../train/events'
import { layout } from './layout'
import { LiveRun } from './live_run'
import { clock, dim, live, note, plural, redraw, say } from './output'
import { describeDevice, describeEncoding, field, lineColumns, style } from './progress'
import { worded } from './sources'
import { count, cut, sentence, wrap } from './words'

const gap = '  '

/** `6 runs: 2 configurations × 3 seeds` */
export function describeSize(runs: number, seeds: number): string {
  return `${plural(runs, 'run')}: ${plural(runs / seeds, 'configuration')} × ${plural(seeds, 'seed')}`
}

export class SweepProgress {
  private runs: readonly SweepRun[] = []
  private number = 0
  private run: SweepRun | undefined
  private current = new LiveRun()
  /** What the run does before its first step. */
  private preparing = ''
  /** Messages that were printed: every run has the same ones. */
  private readonly said = new Set<string>()
  /** The times of the finished runs. One that diverged may have been short. */
  private readonly times: number[] = []
  private hasHeader = false
  private stopping = false
  private width = 0

  constructor(private readonly device: string | undefined) {}

  show(event: SweepEvent): void {
    if (event.type === 'start') this.begin(event.runs, event.out)
    else if (event.type === 'training') this.train(event.event)
    else if (event.type === 'run') {
      this.run = event.run
      this.number = event.number
      this.current = new LiveRun()
      this.preparing = ''
      live((columns) => this.lines(columns))
    } else if (event.type === 'result') {
      if (event.run.state === 'finished') this.times.push(event.run.seconds)
      this.print(event.number, event.run)
    } else live('')
  }

  stop(): void {
    this.stopping = true
    redraw()
  }

  private begin(runs: readonly SweepRun[], out: string): void {
    this.runs = runs
    this.width = Math.max(...runs.map(({ name }) => name.length))
    const seeds = new Set(runs.map(({ options }) => options.seed)).size
    field('sweep', describeSize(runs.length, seeds))
    field('saving', `to ${out}`)
    const done = runs.filter(isDone)
    this.times.push(...done.filter(({ best }) => best !== null).map(({ seconds }) => seconds))
    if (done.length > 0) field('done', `${plural(done.length, 'run')}, by an earlier command`)
  }

  private train(event: TrainEvent): void {
    this.current.observe(event)
    if (event.type === 'encoding') this.preparing = describeEncoding(event)
    if (event.type === 'fallback') this.once(describePassedOver(event))
    if (event.type === 'notice') this.once(worded(event.message))
    if (event.type === 'warning') note(`nano-gpt: ${this.run!.name}: ${worded(event.message)}`)
    if (event.type === 'start' && !this.hasHeader) {
      this.hasHeader = true
      const { name, trainTokens, validationTokens } = event.plan.data
      field('device', describeDevice(event.device, this.device))
      field('text', `${name}: ${count(trainTokens + validationTokens)} tokens`)
      say()
    }
    redraw()
  }

  private once(message: string): void {
    if (this.said.has(message)) return
    this.said.add(message)
    note(message)
  }

  private print(number: number, run: SweepRun): void {
    const label = `${String(number).padStart(String(this.runs.length).length)}/${this.runs.length}`
    const name = run.name.padEnd(this.width)
    const { best, final, error, seconds } = run
    const result =
      best && final
        ? [`best ${best.valLoss.toFixed(4)}`, `final ${final.valLoss.toFixed(4)}`, clock(seconds)]
        : [`failed: ${sentence(error?.message ?? '')}`]
    const indent = ' '.repeat(label.length + gap.length)
    const [first, ...rest] = wrap([name.trimEnd(), ...result].join(gap), lineColumns() - indent.length)
    const whole = [label, name, ...result].join(gap)
    const fits = whole.length <= lineColumns()
    say(fits ? whole : `${label}${gap}${first}`)
    if (fits) return
    for (const line of rest) say(dim(`${indent}${line}`))
  }

  private lines(columns: number): string[] {
    const left = this.secondsLeft()
    const time = Number.isFinite(left) ? `about ${clock(left)} left` : ''
    const texts = [
      [`run ${this.number} of ${this.runs.length}`, this.run!.name, time],
      [`run ${this.number} of ${this.runs.length}`, time],
      [`run ${this.number}`],
    ].map((parts) => parts.filter(Boolean).join(gap))
    const title = texts.find((text) => text.length <= columns) ?? ''
    const activity = this.stopping ? 'stopping …' : undefined
    const rest = this.current.start
      ? layout(this.current.view(activity), columns, style)
      : [cut(this.preparing, columns)]
    return [title, ...rest]
  }

  /** The time left for all runs. NaN while there is nothing to tell it by. */
  private secondsLeft(): number {
    const begun = this.current.start ? this.current.view().secondsLeft : Number.NaN
    const mean = this.times.reduce((sum, seconds) => sum + seconds, 0) / this.times.length
    const waiting = this.runs.slice(this.number).filter((run) => !isDone(run)).length
    if (Number.isNaN(mean)) return begun * (waiting + 1)
    return waiting * mean + (Number.isNaN(begun) ? mean : begun)
  }
}
