// The row of an option. Its type check, declaration, flag, help and docs are derived from it.

import { api, option, type Phrase, type Surface, say, wordsOf } from '../errors'
import type { OptionType } from './types'

/** Headings in the help and the docs. */
export const groups = {
  data: 'Training data',
  model: 'Model',
  variants: 'Model variants (docs/variants.md)',
  adapters: 'Adapters (docs/fine-tuning.md)',
  training: 'Training',
  optimizer: 'Optimizer (docs/optimizers.md)',
  schedule: 'Learning rate schedule (docs/optimizers.md)',
  progress: 'Progress and checkpoints',
  generation: 'Generation (docs/generation.md)',
  inspection: 'Inspection (docs/inspection.md)',
  export: 'Export (docs/models.md)',
  measuring: 'What to measure',
  studio: 'Studio (docs/studio.md)',
  machine: 'Machine',
} as const
export type Group = keyof typeof groups

/** The values that another option must have for this one to apply. */
export interface Applies {
  readonly option: string
  readonly values: readonly string[]
  /** Keep a preset's value when the other option changes to another value from the list. */
  readonly carriesOver?: boolean
}

/** A default that is computed: a description of where it comes from. */
export interface DefaultWords {
  readonly words: string | Phrase
}

/** A default that depends on the value of the option `by`. */
export interface DefaultBy<T> {
  readonly by: string
  readonly values: Readonly<Record<string, T>>
  /** For every other value. */
  readonly otherwise?: T
}

export interface OptionRow<T = unknown> {
  readonly type: OptionType<T>
  readonly group: Group
  /** A noun phrase or an imperative of at most twelve words. */
  readonly help: string | Phrase
  /** A value, values by another option, or a description. Absent: no default, or the preset's. */
  readonly default?: T | DefaultWords | DefaultBy<T>
  /** The option whose value is its default. */
  readonly follows?: string
  /** Where the option applies. Elsewhere it is rejected, and a preset's value is ignored. */
  readonly applies?: Applies
  /** The part of a checkpoint that stores it. Absent: it is not stored. */
  readonly stored?: 'model' | 'training'
  /** The stored value where the option does not apply, and in checkpoints older than the option. */
  readonly unused?: T
  /**
   * With `resume`, 'keeps' rejects the option, so that the run keeps its own value; 'records' accepts
   * it, and the checkpoint records the change. Absent: the given value, or the checkpoint's.
   */
  readonly resume?: 'keeps' | 'records'
  /**
   * With `from`, 'keeps' rejects the option, so that the model keeps its own value; 'default'
   * ignores the checkpoint's value. Absent: the given value, or the checkpoint's.
   */
  readonly from?: 'keeps' | 'default'
  /**
   * Its name in earlier versions: their files still load, and the error for it gives the new name.
   */
  readonly formerly?: string
  /** Its names in other tools, for "did you mean …?". */
  readonly otherNames?: readonly string[]
  /** Whether it belongs to one call and cannot be set in a config file. */
  readonly perCall?: boolean
  readonly commandLine?: CommandLine
}

/** How the command line differs from the library. */
export interface CommandLine {
  /** No flag. */
  readonly hidden?: boolean
  readonly help?: string
  readonly default?: string
}

export type Table = Readonly<Record<string, OptionRow>>

/** Whether a default is a description. */
export function isWords(value: unknown): value is DefaultWords {
  return typeof value === 'object' && value !== null && 'words' in value
}

export function isDefaultBy(value: unknown): value is DefaultBy<unknown> {
  return typeof value === 'object' && value !== null && 'by' in value
}

/** A row's default as text; undefined if it has none or the preset sets it. */
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

/** The default for the value that the other option has in `others`. */
export function defaultBeside({ by, values, otherwise }: DefaultBy<unknown>, others: object): unknown {
  return values[String((others as Readonly<Record<string, unknown>>)[by])] ?? otherwise
}

/** An option's name on the command line and in file names: `batchSize` → `batch-size`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
