// `nano-gpt train --dry-run`: prints the plan of a run with its memory and time.

import type { CheckedTrainOptions, TrainOptions } from '../options'
import type { Plan } from '../train/plan'
import { type Estimate, estimate } from '../train/train'
import { header } from './header'
import { json, say } from './output'
import { describeDevice, field } from './progress'
import { newRunPattern } from './run_folders'
import { bytes, clock, duration, plural } from './words'

export interface DryRunOptions {
  readonly json?: boolean
  /** Whether the run would be saved. */
  readonly saves: boolean
}

export async function dryRun(
  options: CheckedTrainOptions,
  { json: asJson, saves }: DryRunOptions,
): Promise<void> {
  const { plan, ...costs } = await estimate(options as TrainOptions)
  if (asJson) return json({ type: 'plan', ...plan, ...costs })
  const out = plan.out ?? (saves ? newRunPattern(options) : undefined)
  const device = describeDevice(plan.device, options.device)
  for (const [name, value] of [...header(plan, device, out), ...needs(plan, costs)]) {
    field(name, value)
  }
  say('\nNothing was trained or written.')
}

/** Header lines for memory and time. */
export function needs(
  { training, step }: Pick<Plan, 'training' | 'step'>,
  { memory: { total, ...parts }, secondsPerStep }: Pick<Estimate, 'memory' | 'secondsPerStep'>,
): (readonly [name: string, value: string])[] {
  const memory = Object.entries(parts).map(([name, size]) => `${name} ${bytes(size)}`)
  const left = training.steps - step
  const each = `${duration(secondsPerStep)} per step`
  const whole = clock(left * secondsPerStep)
  const unit = whole.split(':').length > 2 ? 'h' : 'min'
  const time = `${each}, about ${whole} ${unit} for ${plural(left, 'step')}, plus evaluations`
  return [
    ['memory', `${bytes(total)}: ${memory.join(', ')}`],
    ['time', time],
  ]
}
