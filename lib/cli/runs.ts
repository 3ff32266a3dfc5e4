// `nano-gpt runs`: lists the runs below a folder, or follows them while they train.

import { basename, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { call, NanoGptError, say as phrase, printable, reasonOf } from '../errors'
import { csvRow } from '../files/csv'
import { readFailed, statOf } from '../files/read'
import { RunReader, runsIn } from '../history/read'
import { meanSpeed } from '../history/records'
import type { EvaluationRecord, RunRecord, RunState } from '../history/types'
import { checkOptions, runsOptions } from '../options'
import { curve } from './curve'
import { stopSignals } from './errors'
import { usage } from './grammar'
import { layout, short } from './layout'
import { accent, bold, dim, isTerminal, json, live, note, plural, say, watch } from './output'
import { lineColumns, style } from './progress'
import { located, runsFolder } from './run_folders'
import { columnsOf, count, cut, roughly, wrap } from './words'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly json?: boolean
}

/** How often the folders are read, in milliseconds. */
const millisecondsPerLook = 1000
/** The shortest time between lines about the progress without a terminal. */
const millisecondsPerLine = 5000
/** The records of which the speed of a run is the mean. */
const recentRecords = 20
const curveColumns = 12
const nameColumns = 28

export async function runsCommand(folder: string | undefined, { json: asJson, ...flags }: Flags) {
  const { watch: follows, csv } = checkOptions('runs', runsOptions, flags)
  if (csv && (asJson || follows))
    throw usage('runs', `--csv and --${asJson ? 'json' : 'watch'} exclude each other`)
  const where = folder === undefined ? runsFolder : await located(folder)
  const readers = (await find(where)).map((path) => new RunReader(path))
  const runs = await readAll(readers)
  if (runs.length === 0) {
    throw new NanoGptError('file_not_found', {
      reason: `there is no run in ${where}`,
      remedy: phrase`give the folder of a run, or one with run folders, or train one: ${call('train')}`,
    })
  }
  if (follows) return followRuns(readers, runs, where, asJson === true)
  const sorted = [...runs].sort(newestFirst)
  if (csv) showCsv(sorted)
  else if (asJson) for (const run of sorted) json({ type: 'run', ...summaryOf(run) })
  else for (const line of sorted.flatMap((run) => linesOf(run, where))) say(line)
}

async function find(folder: string): Promise<string[]> {
  if (!(await statOf(folder))) return []
  try {
    return await runsIn(folder)
  } catch (error) {
    throw readFailed(folder, error)
  }
}

async function readAll(readers: readonly RunReader[]): Promise<RunRecord[]> {
  const runs: RunRecord[] = []
  for (const reader of readers) {
    try {
      runs.push(await reader.read())
    } catch (error) {
      note(`nano-gpt: ${reasonOf(error)}`)
    }
  }
  return runs
}

/** Runs that train come first. */
function newestFirst(a: RunRecord, b: RunRecord): number {
  const isRunning = ({ state }: RunRecord) => Number(state === 'running')
  return isRunning(b) - isRunning(a) || b.updated.localeCompare(a.updated)
}

/** Without its history. */
export function summaryOf(run: RunRecord) {
  const { history, model, options, data, ...rest } = run
  const last = history.evaluations.at(-1)
  return {
    ...rest,
    reason: run.reason ?? null,
    preset: model.kind,
    tokens: run.step * run.tokensPerStep,
    data: data.name,
    valLoss: last?.valLoss ?? null,
    valBitsPerByte: last?.valBitsPerByte ?? null,
    trainLoss: lossOf(run),
    seconds: history.steps.at(-1)?.seconds ?? 0,
  }
}

/** The training loss of the newest steps; null: unknown. */
function lossOf({ history }: RunRecord): number | null {
  return history.steps.at(-1)?.loss ?? null
}

function showCsv(runs: readonly RunRecord[]): void {
  const columns = [
    ...(['folder', 'state', 'reason', 'step', 'steps', 'preset', 'parameters', 'tokens', 'data'] as const),
    ...(['trainLoss', 'valLoss', 'valBitsPerByte', 'bestValLoss', 'seconds', 'started', 'updated'] as const),
  ]
  say(csvRow(columns))
  for (const run of runs) {
    const summary = summaryOf(run)
    say(csvRow(columns.map((name) => summary[name])))
  }
}

const paints: Readonly<Record<RunState, (text: string) => string>> = {
  running: accent,
  finished: (text) => text,
  stopped: (text) => text,
  failed: bold,
  interrupted: bold,
}

/** Two lines, a line before them for a long name, and the reason for a failure. */
export function linesOf(run: RunRecord, below: string, columns = Math.min(lineColumns(), 79)): string[] {
  const { state, step, steps, parameters, data, bestValLoss } = run
  const whole = printable(relative(below, run.folder) || basename(run.folder))
  // The names of a sweep differ only at their ends.
  const [above, name] = columnsOf(whole) > nameColumns ? [[bold(cut(whole, columns))], ''] : [[], whole]
  const losses = run.history.steps.map(({ loss }) => loss ?? Number.NaN)
  const drawn = losses.length > 1 ? curve(losses, curveColumns, style.levels).trimEnd() : ''
  const validation = bestValLoss === null ? '' : `validation loss ${bestValLoss.toFixed(4)}`
  const first = [
    `${bold(name)}${' '.repeat(nameColumns - columnsOf(name))}`,
    paints[state](state.padEnd('interrupted'.length)),
    accent(drawn) + ' '.repeat(curveColumns - drawn.length),
    validation,
  ]
  const of = step === steps ? plural(step, 'step') : `${count(step)} of ${plural(steps, 'step')}`
  const facts = [
    of,
    `${roughly(parameters)} parameters`,
    `${roughly(step * run.tokensPerStep)} tokens of ${cut(printable(data.name), nameColumns)}`,
    dateOf(run.updated),
  ].join(', ')
  const more = [
    facts,
    ...(run.reason === undefined ? [] : [printable(run.reason)]),
    ...run.notices.map(printable),
  ]
  return [
    ...above,
    first.join('  ').trimEnd(),
    ...more.flatMap((text) => wrap(text, columns - 2).map((line) => dim(`  ${line}`))),
  ]
}

/** The local date, or the time if it is today: `2026-12-01`, `06:45`. */
export function dateOf(iso: string, now = new Date()): string {
  const date = new Date(iso)
  const two = (value: number) => String(value).padStart(2, '0')
  if (date.toDateString() === now.toDateString())
    return [date.getHours(), date.getMinutes()].map(two).join(':')
  return [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
}

/** Shows the runs that train until the last one ends: new evaluations as lines, the rest live. */
async function followRuns(
  readers: readonly RunReader[],
  found: readonly RunRecord[],
  where: string,
  asJson: boolean,
): Promise<void> {
  const isRunning = ({ state }: RunRecord) => state === 'running'
  let followed = readers.filter(({ folder }) => found.some((run) => run.folder === folder && isRunning(run)))
  const shown = new Map<string, EvaluationRecord | undefined>()
  const names = followed.length > 1
  let told = performance.now()
  for (const [signal, code] of Object.entries(stopSignals)) process.once(signal, () => process.exit(code))
  const unwatch = asJson ? () => {} : watch()
  try {
    if (followed.length === 0) {
      if (!asJson) note('no run is training')
      for (const run of found) tell(run, where, asJson)
    }
    while (followed.length > 0) {
      const runs = await readAll(followed)
      if (asJson) for (const run of runs) json({ type: 'run', ...summaryOf(run) })
      else {
        for (const run of runs) showEvaluations(run, shown, names)
        const running = runs.filter(isRunning)
        live((columns) => running.flatMap((run) => progressOf(run, columns, names)))
        if (!isTerminal && performance.now() - told >= millisecondsPerLine) {
          told = performance.now()
          for (const run of running) say(plainProgressOf(run, names))
        }
      }
      const ended = runs.filter((run) => !isRunning(run))
      if (!asJson) for (const run of ended) tell(run, where, false)
      followed = followed.filter(({ folder }) => runs.some((run) => run.folder === folder && isRunning(run)))
      if (followed.length > 0) await sleep(millisecondsPerLook)
    }
  } finally {
    live('')
    unwatch()
  }
}

function tell(run: RunRecord, where: string, asJson: boolean): void {
  if (asJson) json({ type: 'run', ...summaryOf(run) })
  else for (const line of linesOf(run, where)) say(line)
}

/** At first only the newest evaluation, and then each new one. */
function showEvaluations(
  { folder, history, steps }: RunRecord,
  shown: Map<string, EvaluationRecord | undefined>,
  names: boolean,
): void {
  const last = shown.get(folder)
  const all = history.evaluations
  const fresh = shown.has(folder) ? all.filter(({ step }) => step > (last?.step ?? -1)) : all.slice(-1)
  for (const { step, trainLoss, valLoss, valBitsPerByte, best } of fresh) {
    const parts = [
      labelOf(folder, step, steps, names),
      `training loss ${trainLoss.toFixed(4)}`,
      `validation loss ${bold(valLoss.toFixed(4))}`,
      dim(`${valBitsPerByte.toFixed(3)} bits/byte`),
      ...(best ? [] : [dim('(no improvement)')]),
    ]
    say(parts.join('  '))
  }
  shown.set(folder, all.at(-1))
}

function labelOf(folder: string, step: number, steps: number, names: boolean): string {
  const name = names ? `${printable(basename(folder))}  ` : ''
  return `${name}step ${count(step).padStart(count(steps).length)}`
}

/** A line about a run's progress, without a terminal. */
function plainProgressOf(run: RunRecord, names: boolean): string {
  const loss = lossOf(run)
  const label = labelOf(run.folder, run.step, run.steps, names)
  return loss === null ? label : `${label}  loss ${short(loss)}`
}

/** The live lines of a run. */
function progressOf(run: RunRecord, columns: number, names: boolean): string[] {
  const { step, steps, history, data } = run
  const tokensPerSecond = meanSpeed(history.steps.slice(-recentRecords))
  const view = {
    step,
    steps,
    loss: lossOf(run) ?? Number.NaN,
    losses: history.steps.map(({ loss }) => loss ?? Number.NaN),
    tokensPerSecond,
    bytesPerSecond: tokensPerSecond * (data.bytesPerToken?.train ?? 1),
    secondsLeft: ((steps - step) * run.tokensPerStep) / tokensPerSecond,
    evaluation: history.evaluations.at(-1),
  }
  const lines = layout(view, columns, style)
  return names ? [dim(cut(printable(basename(run.folder)), columns)), ...lines] : lines
}
