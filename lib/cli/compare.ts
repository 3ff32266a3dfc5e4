// `nano-gpt compare`: the options in which runs differ, and their losses at equal steps and times.

import { basename } from 'node:path'
import { printable } from '../errors'
import { csvRow } from '../files/csv'
import { type Comparison, compareRuns, type Losses } from '../history/compare'
import { readRun } from '../history/read'
import { decidingLoss } from '../history/records'
import type { RunRecord } from '../history/types'
import { checkOptions, compareOptions } from '../options'
import { usage } from './grammar'
import { bold, dim, json, plural, say } from './output'
import { lineColumns } from './progress'
import { foldersOf } from './run_folders'
import { summaryOf } from './runs'
import { clock, count, wrap } from './words'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly json?: boolean
}

/** The columns of a value. */
const narrow = 9
const gap = '  '

export async function compareCommand(folders: readonly string[], { json: asJson, ...flags }: Flags) {
  const { csv } = checkOptions('compare', compareOptions, flags)
  if (csv && asJson) throw usage('compare', '--csv and --json exclude each other')
  const found = await foldersOf(folders)
  // The curves of one run can be a table too.
  if (found.length < (csv ? 1 : 2))
    throw usage('compare', 'a comparison needs two runs or more', 'Give their folders, or a sweep.')
  const runs: RunRecord[] = []
  for (const folder of found) runs.push(await readRun(folder))
  const compared = compareRuns(runs)
  if (csv) return showCsv(runs)
  if (asJson) return json({ type: 'result', runs: runs.map(summaryOf), ...compared })
  const letters = runs.map((_, i) => letterOf(i))
  for (const [i, run] of runs.entries()) {
    const state = `${run.state} after ${plural(run.step, 'step')}`
    say(`${bold(letters[i])}  ${printable(run.folder)}: ${state}`)
  }
  showOptions(compared, letters)
  const each = (part: keyof Losses) => (losses: readonly Losses[]) => losses.map((loss) => loss[part])
  const { unit } = compared
  for (const [what, of] of [
    ['Validation loss', each('valLoss')],
    ['Training loss', each('trainLoss')],
  ] as const) {
    const steps = compared.steps.map(({ step, losses }) => [count(step), of(losses)] as const)
    showLosses(`${what} at equal steps, in ${unit}`, 'step', letters, steps)
    const times = compared.times.map(({ seconds, losses }) => [timeOf(seconds), of(losses)] as const)
    showLosses(`${what} at equal training times, in ${unit}`, 'time', letters, times)
  }
  showBest(compared, letters)
}

/** A, B, … Z, 27, 28, … */
function letterOf(index: number): string {
  return index < 26 ? String.fromCharCode('A'.charCodeAt(0) + index) : String(index + 1)
}

function showOptions({ options }: Comparison, letters: readonly string[]): void {
  const rows = Object.entries(options).map(([name, values]) => [printable(name), values] as const)
  title('Options that differ')
  if (rows.length === 0) say('none')
  const names = Math.max(0, ...rows.map(([name]) => name.length))
  const cells = rows.map(([, values]) => values.map(inWords))
  const widths = letters.map((letter, i) => Math.max(letter.length, ...cells.map((row) => row[i].length)))
  const total = names + widths.reduce((sum, width) => sum + gap.length + width, 0)
  if (total <= lineColumns()) {
    if (rows.length > 0) say(dim(row('', letters, names, widths)))
    for (const [i, [name]] of rows.entries()) say(row(name, cells[i], names, widths))
    return
  }
  // Values that are long, or many, have lines of their own.
  for (const [i, [name]] of rows.entries()) {
    say(name)
    for (const [j, value] of cells[i].entries())
      for (const line of wrap(`${letters[j]} ${value}`, lineColumns() - 2)) say(`  ${line}`)
  }
}

function inWords(value: unknown): string {
  if (value === undefined) return '–'
  if (value === null) return 'none'
  return printable(typeof value === 'string' ? value : JSON.stringify(value))
}

function row(name: string, values: readonly string[], names: number, widths: readonly number[]): string {
  const cells = values.map((value, i) => value.padStart(widths[i]))
  return [name.padEnd(names), ...cells].join(gap)
}

function showLosses(
  heading: string,
  unit: string,
  letters: readonly string[],
  rows: readonly (readonly [at: string, losses: readonly (number | null)[]])[],
): void {
  if (rows.every(([, losses]) => losses.every((loss) => loss === null))) return
  const names = Math.max(unit.length, ...rows.map(([at]) => at.length))
  const most = Math.max(1, Math.floor((lineColumns() - names) / (narrow + gap.length)))
  title(heading)
  // So many runs that a line does not hold them have several tables.
  for (let i = 0; i < letters.length; i += most) {
    const part = letters.slice(i, i + most)
    const widths = part.map(() => narrow)
    say(dim(row(unit.padStart(names), part, names, widths)))
    for (const [at, losses] of rows) {
      const lowest = Math.min(...losses.map((loss) => loss ?? Infinity))
      const cells = losses.slice(i, i + most).map((loss) => {
        const text = (loss === null ? '–' : loss.toFixed(4)).padStart(narrow)
        return loss === lowest ? bold(text) : text
      })
      say([at.padStart(names), ...cells].join(gap))
    }
  }
}

function showBest({ best, unit }: Comparison, letters: readonly string[]): void {
  const found = best.flatMap((each, i) =>
    each ? [{ letter: letters[i], step: each.step, loss: decidingLoss(each, unit) }] : [],
  )
  if (found.length === 0) return
  found.sort((a, b) => a.loss - b.loss)
  title(`Lowest validation loss, in ${unit}`)
  for (const { letter, loss, step } of found)
    say(`${letter}  ${loss.toFixed(4)} after ${plural(step, 'step')}`)
}

function title(text: string): void {
  say()
  say(bold(text))
}

/** Short runs take less than a second. */
function timeOf(seconds: number): string {
  return seconds < 10 ? `${seconds.toFixed(2)} s` : clock(seconds)
}

/** A line per record of each run. */
function showCsv(runs: readonly RunRecord[]): void {
  const names = ['run', 'kind', 'step', 'seconds', 'trainLoss', 'valLoss', 'valBitsPerByte'] as const
  say(csvRow([...names, 'learningRate', 'gradientNorm', 'tokensPerSecond']))
  for (const { folder, history } of runs) {
    const run = basename(folder)
    for (const { to, seconds, loss, learningRate, gradientNorm, tokensPerSecond } of history.steps)
      say(csvRow([run, 'steps', to, seconds, loss, null, null, learningRate, gradientNorm, tokensPerSecond]))
    for (const { step, seconds, trainLoss, valLoss, valBitsPerByte } of history.evaluations)
      say(csvRow([run, 'evaluation', step, seconds, trainLoss, valLoss, valBitsPerByte, null, null, null]))
  }
}
