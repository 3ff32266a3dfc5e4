// The options of each command: those of the library's tables, and the few that only the command
// line has.

import {
  benchOptions,
  compareOptions,
  completeOptions,
  demoOptions,
  evaluateOptions,
  exportFromOptions,
  generateFromOptions,
  inspectOptions,
  kebab,
  nearestOption,
  type OptionRow,
  reportOptions,
  rowOf,
  runsOptions,
  stageOptions,
  studioOptions,
  sweepOptions,
  type Table,
  tokenizeOptions,
  trainOptions,
  variedNames,
} from '../options'
import { flag, listOf, text } from '../options/types'

/** The options that vary take several values, separated by commas. */
const listed: Table = Object.fromEntries(
  variedNames.map((name) => {
    const row = rowOf(sweepOptions, name)
    return [name, { ...row, type: listOf(row.type) }]
  }),
)

/** The options that a command passes to the library. */
export const tables = {
  train: trainOptions,
  sweep: { ...sweepOptions, ...listed } as Table,
  generate: { ...completeOptions, ...generateFromOptions, ...completeOptions },
  evaluate: evaluateOptions,
  tokenize: tokenizeOptions,
  inspect: inspectOptions,
  runs: runsOptions,
  compare: compareOptions,
  report: reportOptions,
  export: exportFromOptions,
  stages: stageOptions,
  bench: benchOptions,
  demo: demoOptions,
  studio: studioOptions,
} as const satisfies Readonly<Record<string, Table>>
export type TableName = keyof typeof tables

export const commandNames = [...(Object.keys(tables) as TableName[]), 'info', 'help'] as const

/** The flag for the library's `{ text }`. Every command with `data` has it. */
const inline: OptionRow<string> = {
  type: text,
  group: 'data',
  help: 'the text itself, instead of --data',
}

const dryRun: OptionRow<boolean> = {
  type: flag,
  group: 'progress',
  perCall: true,
  help: 'print the plan, memory and time without training',
}

/** The flags of `info`, which calls nothing in the library. */
export const infoFlags = {
  report: {
    type: flag,
    group: 'progress',
    perCall: true,
    help: 'print a Markdown table to paste into an issue',
  },
} as const satisfies Table

/** The rows of all flags of a command. */
export function flagsOf(command: TableName): Table {
  const rows = Object.entries(tables[command] as Table).flatMap(([name, row]) => {
    if (row.commandLine?.hidden) return []
    return name === 'data' ? [[name, row] as const, ['text', inline] as const] : [[name, row] as const]
  })
  return Object.fromEntries(['train', 'sweep'].includes(command) ? [...rows, ['dryRun', dryRun]] : rows)
}

/** Whether an option is a flag of a command, or of any command if none is given. */
export function isFlag(name: string, command?: string): boolean {
  const names = command === undefined ? (Object.keys(tables) as TableName[]) : [command]
  return names.some((each) => isTable(each) && Object.hasOwn(flagsOf(each), name))
}

export function isTable(name: string): name is TableName {
  return Object.hasOwn(tables, name)
}

/** The flag that a word probably means, with its dashes: `--lr` → `--learning-rate`. */
export function nearestFlag(word: string, command: string): string | undefined {
  const [given] = word.split('=')
  const table: Table = {
    ...(isTable(command) ? flagsOf(command) : command === 'info' ? infoFlags : {}),
    json: { type: flag, group: 'progress', help: '' },
    help: { type: flag, group: 'progress', help: '' },
  }
  const nearest = (flag: string) => nearestOption(camel(flag.replace(/^-+/, '')), table)
  const found = nearest(given)
  if (found !== undefined) return flagOf(found)
  if (!given.startsWith('--no-')) return undefined
  const opposite = nearest(given.slice('--no-'.length))
  if (opposite === undefined || rowOf(table, opposite).type.placeholder !== undefined) return undefined
  return flagOf(opposite, false)
}

/** `batchSize` → `--batch-size`, `--no-batch-size`. */
export function flagOf(name: string, value = true): string {
  return `${value ? '--' : '--no-'}${kebab(name)}`
}

/** `batch-size` → `batchSize`. */
function camel(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
