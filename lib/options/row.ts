// What the tables say of an option. Everything else about it is derived from its row.

import { api, option, type Phrase, type Surface, say, wordsOf } from '../errors'
import type { OptionType } from './types'

/** Headings of help and docs. */
export const groups = {
  data: 'What to train on',
  model: 'Model',
  variants: 'Variants of the model (docs/variants.md)',
  training: 'Training',
  optimizer: 'Optimizer (docs/optimizers.md)',
  schedule: 'Learning rate schedule (docs/optimizers.md)',
  progress: 'Progress and checkpoints',
  generation: 'Generation (docs/generation.md)',
  measuring: 'What to measure',
  machine: 'Machine',
} as const
export type Group = keyof typeof groups

/** What another option must be for this one to apply. */
export interface Applies {
  readonly option: string
  readonly values: readonly string[]
  /** Whether a preset's value stays when the other option changes to one that it applies to as well. */
  readonly carriesOver?: boolean
}

/** A default that is no value: where it comes from, in words. */
export interface DefaultWords {
  readonly words: string | Phrase
}

/** Defaults that depend on another option. */
export interface DefaultBy<T> {
  readonly by: string
  readonly values: Readonly<Record<string, T>>
  /** Beside any other value. */
  readonly otherwise?: T
}

export interface OptionRow<T = unknown> {
  readonly type: OptionType<T>
  readonly group: Group
  /** A noun phrase or an imperative of at most twelve words. */
  readonly help: string | Phrase
  /** A value, values by what another option is, or where it comes from. Absent: none, or the preset's. */
  readonly default?: T | DefaultWords | DefaultBy<T>
  /** The option whose value it has, and follows when that one changes. */
  readonly follows?: string
  /** Only with these; beside others it is refused, and a preset's value ignored. */
  readonly applies?: Applies
  /** What a checkpoint keeps it as: a part of the model, or of its training. Absent: it doesn't. */
  readonly stored?: 'model' | 'training'
  /** What a checkpoint has that was written before the option was, or where it doesn't apply. */
  readonly unused?: T
  /** On `resume` the run 'keeps' its own, and another is refused. Absent: takes the one given, or else the checkpoint's. */
  readonly resume?: 'keeps'
  /**
   * With `from` the model 'keeps' its own, and another is refused; or the new run begins with the 'default', whatever the checkpoint's run had.
   * Absent: takes the one given, or else the checkpoint's.
   */
  readonly from?: 'keeps' | 'default'
  /** What earlier versions called it: their files still load, and whoever gives it is told the new name. */
  readonly formerly?: string
  /** What other tools call it, for "did you mean …?". */
  readonly otherNames?: readonly string[]
  /** Whether it belongs to one call and has no place in a config file. */
  readonly perCall?: boolean
  readonly commandLine?: CommandLine
}

/** Where the command line differs from the library. */
export interface CommandLine {
  /** No flag: the command line has its own way. */
  readonly hidden?: boolean
  readonly help?: string
  readonly default?: string
}

export type Table = Readonly<Record<string, OptionRow>>

/** Whether a default is words. */
export function isWords(value: unknown): value is DefaultWords {
  return typeof value === 'object' && value !== null && 'words' in value
}

export function isDefaultBy(value: unknown): value is DefaultBy<unknown> {
  return typeof value === 'object' && value !== null && 'by' in value
}

/** A row's default in a surface's words; undefined: there is none, or it is the preset's. */
export function defaultWordsOf(row: OptionRow, surface: Surface = api): string | undefined {
  const { default: value } = row
  if (value === undefined) return undefined
  if (isWords(value)) return wordsOf(value.words, surface)
  if (isDefaultBy(value)) {
    const by = (name: string) =>
      name === 'true' ? `with ${wordsOf(say`${option(value.by)}`, surface)}` : `for ${name}`
    const words = Object.entries(value.values).map(([name, each]) => `${each} ${by(name)}`)
    return [...(value.otherwise === undefined ? [] : [String(value.otherwise)]), ...words].join(', ')
  }
  if (value === null) return 'no limit'
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)
}

/** A default that depends on another option, beside that one's value. */
export function defaultBeside({ by, values, otherwise }: DefaultBy<unknown>, others: object): unknown {
  return values[String((others as Readonly<Record<string, unknown>>)[by])] ?? otherwise
}
