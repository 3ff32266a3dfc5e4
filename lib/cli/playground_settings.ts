// The lines of the playground: a text to continue, or a command. Most commands set an option of
// `generate`. They are derived from its table, and so are their checks, errors and help.

import { NanoGptError, type Surface, show, suggest } from '../errors'
import {
  checkValue,
  completeOptions,
  kebab,
  nearestOption,
  type OptionRow,
  parseArgument,
  rowOf,
} from '../options'
import { isHead, writeHead } from '../options/heads'
import { defaultWordsOf, type Table } from '../options/row'
import { escapedText } from '../options/types'
import { describe } from './flags'
import { textOf } from './keyboard'
import { surfaceOf } from './surface'
import { flagsOf } from './tables'

/** The commands that set no option. */
export const commands = {
  again: 'continue the last prompt again',
  more: 'continue the last text',
  settings: 'list the settings',
  reset: 'set one setting to its default, or all of them',
  model: 'switch to another run folder, checkpoint file or Hugging Face folder',
  help: 'list the commands and settings',
  quit: 'leave; so do Ctrl-D, and Ctrl-C twice',
} as const
export type CommandName = keyof typeof commands

/** Other words for them. */
const otherWords: Readonly<Record<string, CommandName>> = { exit: 'quit', q: 'quit', h: 'help', '?': 'help' }

/** The settings: the options that each text may have, except for the prompt itself. */
const table: Table = Object.fromEntries(
  Object.entries(flagsOf('generate')).filter(
    ([name]) => Object.hasOwn(completeOptions, name) && name !== 'prompt' && name !== 'n',
  ),
)

export type Entry =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'command'; readonly name: CommandName; readonly argument: string }
  /** Without an argument, the setting is shown. */
  | { readonly kind: 'setting'; readonly name: string; readonly argument?: string }

/**
 * What a line means. A line that begins with two slashes is a text that begins with one.
 *
 * @throws NanoGptError 'usage' for an unknown command
 */
export function entryOf(line: string): Entry {
  const text = textOf(line)
  if (!text.startsWith('/')) return { kind: 'text', text }
  if (text.startsWith('//')) return { kind: 'text', text: text.slice(1) }
  const [, word, argument] = /^\/(\S*)\s?([\s\S]*)$/.exec(text)!
  const given = argument.trim() === '' ? {} : { argument }
  const setting = settingOf(word)
  if (setting !== undefined) return { kind: 'setting', name: setting, ...given }
  const name = Object.hasOwn(otherWords, word) ? otherWords[word] : word
  if (Object.hasOwn(commands, name))
    return { kind: 'command', name: name as CommandName, argument: argument.trim() }
  const close = suggest(word, Object.keys(commands)) ?? nearest(word)
  throw new NanoGptError('usage', {
    reason: `there is no command ${show(`/${word}`)}`,
    remedy: `${close === undefined ? '' : `Did you mean /${close}? `}/help lists the commands; a text that begins with / is written with //`,
  })
}

/** The option of a word as on the command line: `top-k`. */
function settingOf(word: string): string | undefined {
  return Object.keys(table).find((name) => kebab(name) === word)
}

/** The word of the option that a word probably means. */
function nearest(word: string): string | undefined {
  const name = nearestOption(word, table)
  return name === undefined ? undefined : kebab(name)
}

const base = surfaceOf({ command: 'generate' })
const isWord = (name: string) => Object.hasOwn(table, name) || Object.hasOwn(commands, name)

/** Names settings and commands as they are typed: /top-k. Options of the start stay flags. */
export const surface: Surface = {
  ...base,
  option: (name, value) => {
    if (!isWord(name)) return base.option(name, value)
    if (value === undefined) return `/${kebab(name)}`
    return `/${kebab(name)} ${Object.hasOwn(table, name) ? wordsFor(rowOf(table, name), value) : value}`
  },
  subject: (name) => (isWord(name) ? `/${kebab(name)}` : base.subject(name)),
}

/** A setting as it is shown. */
export interface Shown {
  readonly word: string
  readonly value: string
  readonly isDefault: boolean
  readonly help: string
}

/** The values of the settings. */
export class Settings {
  private values: Record<string, unknown> = {}

  /** @param given checked options. Others than settings are ignored */
  constructor(given: Readonly<Record<string, unknown>> = {}) {
    for (const name of Object.keys(table)) if (given[name] !== undefined) this.values[name] = given[name]
  }

  /** The options of a text. */
  get options(): Readonly<Record<string, unknown>> {
    return { ...this.values }
  }

  /**
   * Sets an option. One that may be repeated on the command line is given another value.
   *
   * @throws NanoGptError 'option' for an invalid value. The setting keeps its own
   */
  set(name: string, argument: string): void {
    const { type } = rowOf(table, name)
    const isPlainText = type.parse === undefined && type.choices === undefined
    const value = isPlainText ? escapedText.parse!(argument) : parseArgument(name, type, argument.trim())
    const before = type.repeats ? ((this.values[name] as readonly unknown[] | undefined) ?? []) : []
    const all = type.repeats ? [...before, value].flat() : value
    this.values[name] = checkValue('generate', name, type, all)
  }

  /**
   * Returns a setting, or all, to the default.
   *
   * @throws NanoGptError 'option' if there is no such setting
   */
  reset(word: string): void {
    if (word === '') {
      this.values = {}
      return
    }
    const name = settingOf(word.replace(/^\//, ''))
    if (name !== undefined) {
      delete this.values[name]
      return
    }
    const close = nearest(word)
    const remedy = close === undefined ? '/settings lists them' : `Did you mean /reset ${close}?`
    throw new NanoGptError('option', { reason: `there is no setting ${show(word)}`, remedy })
  }

  shown(name: string): Shown {
    const row = rowOf(table, name)
    const value = this.values[name]
    return {
      word: kebab(name),
      value: value === undefined ? (defaultWordsOf(row, surface) ?? '') : wordsFor(row, value),
      isDefault: value === undefined,
      help: describe(row),
    }
  }

  all(): Shown[] {
    return Object.keys(table).map((name) => this.shown(name))
  }
}

/** A value as a user may write it. */
function wordsFor(row: OptionRow, value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => wordsFor(row, each)).join(', ')
  if (isHead(value)) return writeHead(value)
  return typeof value === 'string' && row.type.choices === undefined ? show(value) : String(value)
}

/** The words with which a line may continue, for the Tab key. `models` are paths of runs. */
export function completionsOf(line: string, models: readonly string[]): string[] {
  const words = Object.keys(table).map(kebab)
  const [, word, rest] = /^\/(\S*)(\s+)?/.exec(line) ?? []
  if (word === undefined) return []
  if (rest === undefined)
    return [...Object.keys(commands), ...words]
      .map((each) => `/${each} `)
      .filter((each) => each.startsWith(line))
  const name = settingOf(word)
  const values =
    word === 'model' ? models : word === 'reset' ? words : (name && rowOf(table, name).type.choices) || []
  return values.map((each) => `/${word} ${each}`).filter((each) => each.startsWith(line))
}
