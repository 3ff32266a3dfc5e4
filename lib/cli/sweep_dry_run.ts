// `nano-gpt sweep --dry-run`: prints the runs of a sweep, and the time and memory that they need.

import type { TrainOptions } from '../options'
import { refuseForeign, stateOf } from '../sweep/file'
import { pointsOf, type SweepPlan } from '../sweep/grid'
import { isDone, type SweepRun } from '../sweep/runs'
import type { Plan } from '../train/plan'
import { type Estimate, estimate, plan as planOf } from '../train/train'
import { json, live, plural, say } from './output'
import { describeDevice, field } from './progress'
import { describeSize } from './sweep_progress'
import { bytes, clock, count, duration, roughly } from './words'

interface Cost {
  readonly parameters: number
  readonly steps: number
  readonly secondsPerStep: number
  readonly memoryBytes: number
}

interface Planned extends Cost {
  readonly name: string
  readonly options: SweepRun['options']
  /** Whether an earlier command trained it. */
  readonly done: boolean
}

export async function dryRunSweep(sweep: SweepPlan, asJson = false): Promise<void> {
  const { out, grid, shared } = sweep
  await refuseForeign(out)
  const known = (await stateOf(sweep)).runs
  const points = pointsOf(grid)
  const configurations = points.slice(0, points.length / grid.seed.length)
  const measured = new Map<string, Estimate>()
  const costs: Cost[] = []
  let first: Plan | undefined
  for (const [i, point] of configurations.entries()) {
    live(`measuring configuration ${i + 1} of ${configurations.length} …`)
    const options = { ...shared, ...point } as TrainOptions
    const plan = await planOf(options)
    first ??= plan
    // Configurations that differ only in rates and the like take the same time.
    const key = keyOf(plan)
    const costing = measured.get(key) ?? (await estimate(options))
    measured.set(key, costing)
    costs.push({
      parameters: plan.parameters,
      steps: plan.training.steps,
      secondsPerStep: costing.secondsPerStep,
      memoryBytes: costing.memory.total,
    })
  }
  live('')
  const runs = known.map(
    (run, i): Planned => ({
      ...{ name: run.name, options: run.options, done: isDone(run) },
      ...costs[i % costs.length],
    }),
  )
  if (asJson) return json({ type: 'plan', out, runs })
  const { name, trainTokens, validationTokens } = first!.data
  field('sweep', describeSize(runs.length, grid.seed.length))
  field('saving', `to ${out}`)
  const done = runs.filter((run) => run.done).length
  if (done > 0) field('done', `${plural(done, 'run')}, by an earlier command`)
  field('device', describeDevice(first!.device, shared.device))
  field('text', `${name}: ${count(trainTokens + validationTokens)} tokens`)
  field('memory', bytes(Math.max(...costs.map(({ memoryBytes }) => memoryBytes))))
  field('time', `about ${clock(runs.reduce((sum, run) => sum + secondsOf(run), 0))}, plus evaluations`)
  say()
  for (const line of lines(runs)) say(line)
  say('\nNothing was trained or written.')
}

/** What the time of a step depends on. */
function keyOf({ model, training }: Plan): string {
  const { batchSize, gradientAccumulationSteps, optimizer, precision, emaDecay } = training
  return JSON.stringify([model, batchSize, gradientAccumulationSteps, optimizer, precision, emaDecay > 0])
}

/** What is left of a run. */
const secondsOf = (run: Planned) => (run.done ? 0 : run.steps * run.secondsPerStep)

function lines(runs: readonly Planned[]): string[] {
  const width = Math.max(...runs.map(({ name }) => name.length))
  return runs.map((run, i) => {
    const number = `${String(i + 1).padStart(String(runs.length).length)}/${runs.length}`
    const size = `${roughly(run.parameters)} parameters`
    return [
      number,
      run.name.padEnd(width),
      size,
      `${duration(run.secondsPerStep)} per step`,
      run.done ? 'done' : clock(secondsOf(run)),
    ].join('  ')
  })
}
