// Follows the events of a training run: how far it is, its loss and its speed.

import type { EvaluatingEvent, EvaluationEvent, StartEvent, StepEvent, TrainEvent } from '../train/events'
import { Series } from './curve'
import type { View } from './layout'

/** The shown loss is a moving average over about this many steps. */
const smoothing = 30

export class LiveRun {
  /** Undefined until the run begins. */
  start: StartEvent | undefined
  step = 0
  loss = Number.NaN
  tokensPerSecond = Number.NaN
  bytesPerSecond = Number.NaN
  readonly evaluations: EvaluationEvent[] = []
  private readonly losses = new Series()
  private secondsPerStep = Number.NaN
  private secondsPerEvaluation = 0
  /** The progress of the current evaluation, if there is one. */
  private evaluating: EvaluatingEvent | undefined
  private lastEvent = performance.now()

  observe(event: TrainEvent): void {
    if (event.type === 'start') this.start = event
    if (!this.start) return
    this.lastEvent = performance.now()
    if (event.type === 'start') this.step = event.step
    else if (event.type === 'step') this.add(event)
    else if (event.type === 'evaluating') {
      this.step = event.step
      this.evaluating = event.done < event.total ? event : undefined
    } else if (event.type === 'evaluation') {
      this.step = event.step
      this.evaluating = undefined
      this.secondsPerEvaluation = event.seconds
      this.evaluations.push(event)
    }
  }

  private add(event: StepEvent): void {
    this.step = event.to
    for (const loss of event.losses) {
      if (Number.isNaN(loss)) continue
      this.loss = mix(this.loss, loss, 1 / smoothing)
      this.losses.push(loss)
    }
    const weight = Math.min(1, event.losses.length / smoothing)
    this.secondsPerStep = mix(this.secondsPerStep, event.seconds / event.losses.length, weight)
    this.tokensPerSecond = mix(this.tokensPerSecond, event.tokensPerSecond, weight)
    this.bytesPerSecond = mix(this.bytesPerSecond, event.bytesPerSecond, weight)
  }

  /** What the live lines show, after the start. `activity` replaces that of the run. */
  view(activity?: string): View {
    const { evaluating } = this
    const doing = evaluating && `evaluating ${evaluating.done}/${evaluating.total}`
    // Count down between events too.
    const since = (performance.now() - this.lastEvent) / 1000
    return {
      step: this.step,
      steps: this.start!.steps,
      loss: this.loss,
      losses: this.losses.values,
      tokensPerSecond: this.tokensPerSecond,
      bytesPerSecond: this.bytesPerSecond,
      secondsLeft: Math.max(0, this.secondsLeft() - since),
      activity: activity ?? doing,
      evaluation: this.evaluations.at(-1),
    }
  }

  /** After the start. NaN before the first step. */
  secondsLeft(): number {
    const { step, evaluating } = this
    const { steps, evalInterval } = this.start!.plan.training
    const evaluations = Math.ceil(steps / evalInterval) - Math.floor(step / evalInterval)
    const rest = evaluating ? 1 - evaluating.done / evaluating.total : 0
    return (steps - step) * this.secondsPerStep + (evaluations + rest) * this.secondsPerEvaluation
  }
}

/** A moving average that starts with its first value. */
function mix(mean: number, value: number, weight: number): number {
  return Number.isNaN(mean) ? value : mean + weight * (value - mean)
}
