// `nano-gpt train --dry-run`: what a run would be and what it would need.

import type { CheckedTrainOptions } from '../options'
import { estimate, type Plan, plan } from '../train/plan'
import { header } from './header'
import { json, say } from './output'
import { describeDevice, field } from './progress'
import { newRunPattern } from './run_folders'
import { bytes, clock, duration, plural } from './words'

/** What `estimate()` says. */
export interface Estimate {
  readonly parameters: number
  readonly memoryBytes: {
    readonly weights: number
    readonly optimizer: number
    readonly gradients: number
    readonly activations: number
    readonly corpus: number
    readonly total: number
  }
  /** null: it can't be measured. */
  readonly secondsPerStep: number | null
}

export interface DryRunOptions {
  readonly json?: boolean
  /** Whether the run would be saved. */
  readonly saves: boolean
}

export async function dryRun(
  options: CheckedTrainOptions,
  { json: asJson, saves }: DryRunOptions,
): Promise<void> {
  const planned = await plan(options)
  const estimated: Estimate = await estimate(planned)
  if (asJson) return json({ type: 'plan', ...planned, ...estimated })
  const out = planned.out ?? (saves ? newRunPattern(options) : undefined)
  const device = describeDevice(planned.device, options.device)
  for (const [name, value] of [...header(planned, device, out), ...needs(planned, estimated)]) {
    field(name, value)
  }
  say('\nNothing was trained or written.')
}

/** Memory and time, as lines like those of the header. */
export function needs(
  { training, step }: Pick<Plan, 'training' | 'step'>,
  { memoryBytes: { total, ...parts }, secondsPerStep }: Estimate,
): (readonly [name: string, value: string])[] {
  const memory = Object.entries(parts).map(([name, size]) => `${name} ${bytes(size)}`)
  const left = training.steps - step
  const time =
    secondsPerStep === null
      ? 'unknown: a step could not be measured'
      : `${duration(secondsPerStep)} per step, about ${clock(left * secondsPerStep)} for ${plural(left, 'step')}, plus evaluations`
  return [
    ['memory', `${bytes(total)}: ${memory.join(', ')}`],
    ['time', time],
  ]
}
