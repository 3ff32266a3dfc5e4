// `nano-gpt sweep`: trains a grid of runs, and prints a table of their losses.

import { join } from 'node:path'
import { NanoGptError, say as phrase } from '../errors'
import { checkOptions, kebab, type SweepOptions, sweepOptions, variedNames } from '../options'
import { checkSweepOptions } from '../sweep/grid'
import type { SweepRun } from '../sweep/runs'
import { type SweepResult, sweep } from '../sweep/sweep'
import { exitCodes } from './errors'
import { stoppingNote, whenInterrupted } from './follow'
import { command, json, note, plural, say, watch, whenPipeClosed } from './output'
import { lineColumns } from './progress'
import { sourcesOf, worded } from './sources'
import { argumentsOf } from './surface'
import { dryRunSweep } from './sweep_dry_run'
import { SweepProgress } from './sweep_progress'
import { explanations, tableLines } from './sweep_table'
import { flagOf } from './tables'
import { withNamedRuns } from './which_model'
import { together, wrap } from './words'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly text?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** The parent of the default folders of sweeps. */
const sweepsFolder = 'sweeps'

export async function sweepCommand({ json: asJson, dryRun: dry, ...flags }: Flags): Promise<void> {
  const options = await withNamedRuns(optionsOf(flags))
  if (dry) return dryRunSweep(checkSweepOptions(options), asJson)
  const run = sweep(options)
  let interrupted: number | undefined
  const progress = new SweepProgress(options.device)
  const uninterrupt = whenInterrupted((code) => {
    interrupted = code
    if (!asJson) note(stoppingNote(options.out))
    progress.stop()
    run.stop()
  })
  whenPipeClosed(() => run.stop())
  const unwatch = asJson ? () => {} : watch()
  let result: SweepResult
  try {
    for await (const event of run) {
      if (!asJson) progress.show(event)
      else if (event.type !== 'training' || !('message' in event.event)) json(event)
      else json({ ...event, event: { ...event.event, message: worded(event.event.message) } })
    }
    result = await run
  } finally {
    unwatch()
    uninterrupt()
  }
  const hasLoss = result.configurations.some(({ best }) => best !== null)
  process.exitCode = interrupted ?? (hasLoss ? exitCodes.ok : exitCodes.error)
  if (asJson) json({ type: 'result', ...result })
  else sumUp(result)
}

/** The options in the library's form: those with several values vary. */
function optionsOf({ text, ...flags }: Flags): SweepOptions {
  const { data, ...given } = flags as { readonly data?: readonly string[] }
  const values = Object.entries(given).map(([name, value]) => {
    const isList = variedNames.some((varied) => varied === name)
    return [name, isList ? [value].flat() : [value]] as const
  })
  const vary = Object.fromEntries(values.filter(([, each]) => each.length > 1))
  const single = Object.fromEntries(
    values.filter(([, each]) => each.length === 1).map(([name, [value]]) => [name, value]),
  )
  if (Object.keys(vary).length === 0) throw nothingVaries()
  const checked = checkOptions('sweep', sweepOptions, { vary, ...single, ...(data && { data }) })
  const sources = sourcesOf({ data: checked.data, text })
  // Seeds may be added later, which extends the sweep in the same folder.
  const { seed, ...others } = vary
  const name = Object.keys(others).map(kebab).sort().join(',') || 'seed'
  const out = checked.out ?? `${sweepsFolder}/${name}`
  return { ...checked, out, ...(sources && { data: sources }) } as SweepOptions
}

function nothingVaries(): NanoGptError {
  return new NanoGptError('usage', {
    reason: 'no option has several values',
    remedy: phrase`separate values by commas: ${flagOf('learningRate')} 1e-3,3e-3 ${flagOf('seed')} 1,2,3`,
  })
}

function sumUp(result: SweepResult): void {
  const { out, runs, stopped, configurations } = result
  say()
  for (const line of tableLines(result, lineColumns())) say(line)
  say()
  for (const text of [...explanations(result), ...hints(runs)]) {
    for (const line of wrap(text, lineColumns())) say(line)
  }
  say()
  if (stopped) {
    const done = runs.filter(({ state }) => state !== 'waiting').length
    say(`Stopped with ${done} of ${plural(runs.length, 'run')} done. To continue:`)
    say(`  ${command(...process.argv.slice(2))}`)
  } else if (configurations[0].best !== null) {
    say('To generate text with the best model:')
    say(`  ${command('generate', ...argumentsOf({ model: join(out, bestRun(result).name) }))}`)
  }
}

/** The run with the lowest loss of the best configuration. */
function bestRun({ runs, configurations: [{ options }], metric }: SweepResult): SweepRun {
  const its = runs.filter(
    (run) => run.best && Object.entries(options).every(([name, value]) => run.options[name] === value),
  )
  return its.reduce((a, b) => (b.best![metric] < a.best![metric] ? b : a))
}

/** How to learn the noise, where there is one seed: with two more. The sweep keeps its runs. */
function hints(runs: readonly SweepRun[]): string[] {
  const [seed, ...others] = new Set(runs.map(({ options }) => BigInt(options.seed as number | string)))
  if (others.length > 0) return []
  const seeds = [0n, 1n, 2n].map((more) => BigInt.asUintN(64, seed + more))
  return [
    'With one seed, the noise between seeds is unknown: another seed might order the rows differently. ' +
      `To learn it, repeat the command with ${together(`${flagOf('seed')} ${seeds.join(',')}`)}`,
  ]
}
