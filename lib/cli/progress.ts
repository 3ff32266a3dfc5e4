// A training run as a person reads it: lines for what is worth keeping, and on a terminal one live line for what passes.

import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { loadAddon } from '../backend/native/addon'
import type { EvaluationEvent, StartEvent, StepEvent, TrainEvent } from '../train/events'
import { block, bold, clock, count, dim, isTerminal, live, plural, roughly, say } from './output'

/** Without a terminal, a line of progress comes this often. */
const secondsPerLine = 5
/** The shown loss is a running mean over about this many steps. */
const smoothing = 30
const barWidth = 20

export interface ProgressOptions {
  /** The device that was asked for; none or 'auto' is told why it isn't the native one. */
  readonly device?: string
  /** Where checkpoints go. */
  readonly out?: string
}

export class Progress {
  private start!: StartEvent
  private readonly begun = performance.now()
  private loss = Number.NaN
  private tokensPerSecond = 0
  private secondsPerStep = 0
  private secondsPerEvaluation = 0
  private lastLine = performance.now()
  private saved: string[] = []
  /** Said on the live line until the run ends. */
  private stopping = false

  constructor(private readonly options: ProgressOptions) {}

  show(event: TrainEvent): void {
    if (event.type !== 'checkpoint' && event.type !== 'evaluation') this.showSaved()
    if (event.type === 'start') this.showStart(event)
    else if (event.type === 'step') this.showStep(event)
    else if (event.type === 'evaluating') this.live(event.step, `evaluating ${event.done}/${event.total}`)
    else if (event.type === 'evaluation') this.showEvaluation(event)
    else if (event.type === 'sample')
      say(`\n${block(`a sample after ${plural(event.step, 'step')}`, event.text)}\n`)
    else if (event.type === 'checkpoint') this.saved.push(event.path)
    else live('')
  }

  /** The run has been asked to stop. */
  stop(): void {
    this.stopping = true
  }

  private showStart(event: StartEvent): void {
    this.start = event
    const { model, training, seed, data } = event.config
    const shape =
      model.kind === 'decoder'
        ? `, ${plural(model.layers, 'layer')} of ${plural(model.heads, 'head')}, ${model.embed} channels`
        : ''
    const tokens = event.trainTokens + event.validationTokens
    const rate = `learning rate ${training.learningRate}, seed ${seed}`
    const batch =
      training.microBatches > 1 ? `${training.microBatches} × ${training.batchSize}` : training.batchSize
    field('device', describeDevice(event.device, this.options.device))
    field('text', `${data.name}: ${count(tokens)} characters, ${model.vocabSize} distinct`)
    field('model', `${model.kind}, ${roughly(event.parameters)} parameters${shape}`)
    field('training', `${plural(event.steps, 'step')} of ${batch} × ${model.blockSize} characters, ${rate}`)
    field('saving', this.options.out === undefined ? 'nothing (--no-out)' : `in ${this.options.out}`)
    if (event.step > 0) field('resuming', `after ${plural(event.step, 'step')}`)
    say()
  }

  private showStep(event: StepEvent): void {
    for (const loss of event.losses) this.loss = mix(this.loss, loss, 1 / smoothing)
    const weight = Math.min(1, event.losses.length / smoothing)
    this.secondsPerStep = mix(this.secondsPerStep || Number.NaN, event.seconds / event.losses.length, weight)
    this.tokensPerSecond = mix(this.tokensPerSecond || Number.NaN, event.tokensPerSecond, weight)
    const { steps } = this.start
    const speed = `${roughly(this.tokensPerSecond)} characters/s`
    const left = event.to < steps ? `, ${clock(this.secondsLeft(event.to))} left` : ''
    const text = `loss ${this.loss.toFixed(3)}, ${speed}${left}`
    this.live(event.to, text)
    if (isTerminal) return
    if (performance.now() - this.lastLine < secondsPerLine * 1000) return
    this.lastLine = performance.now()
    say(`${this.label(event.to)}${text}`)
  }

  private live(step: number, text: string): void {
    const { steps } = this.start
    const full = Math.floor((barWidth * step) / steps)
    const bar = '━'.repeat(full) + '╌'.repeat(barWidth - full)
    live(`${bar} ${count(step)}/${count(steps)}  ${this.stopping ? 'stopping …' : text}`)
  }

  private showEvaluation(event: EvaluationEvent): void {
    this.showSaved()
    this.secondsPerEvaluation = event.seconds
    this.lastLine = performance.now()
    const losses = `training loss ${event.trainLoss.toFixed(4)}  validation ${bold(event.valLoss.toFixed(4))}`
    const mark = event.best ? '' : dim('  (not better)')
    say(`${this.label(event.step)}${losses}  ${dim(clock((performance.now() - this.begun) / 1000))}${mark}`)
  }

  private showSaved(): void {
    if (this.saved.length === 0) return
    const names = this.saved.map((path) => basename(path))
    this.saved = []
    say(dim(`${' '.repeat(this.label(0).length)}saved ${names.join(' and ')}`))
  }

  private label(step: number): string {
    return `step ${count(step).padStart(count(this.start.steps).length)}  `
  }

  private secondsLeft(step: number): number {
    const { steps, config } = this.start
    const { evalInterval } = config.training
    const evaluations = Math.ceil(steps / evalInterval) - Math.floor(step / evalInterval)
    return (steps - step) * this.secondsPerStep + evaluations * this.secondsPerEvaluation
  }
}

/** A running mean that begins with its first value. */
function mix(mean: number, value: number, weight: number): number {
  return Number.isNaN(mean) ? value : mean + weight * (value - mean)
}

function field(name: string, value: string): void {
  say(`${dim(name.padEnd(9))} ${value}`)
}

/** The device in words; if it isn't the native one and nobody chose that, why. */
export function describeDevice(device: string, asked?: string): string {
  const { addon, reason } = loadAddon()
  if (device === 'js') {
    const why = asked === 'js' || !reason ? '' : `\n${' '.repeat(10)}${dim(reason)}`
    return `js: plain TypeScript, slow, on one thread${why}`
  }
  const info = addon?.info()
  return info
    ? `${device}: ${info.instructionSet}, ${plural(info.threads, 'thread')} of ${availableParallelism()}`
    : device
}
