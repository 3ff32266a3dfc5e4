// Checks options against a table. The result is a normalized copy, so later changes to the caller's
// object have no effect.

import * as v from 'valibot'
import { NanoGptError, option, printable, say, show, suggest } from '../errors'
import type { OptionRow, Table } from './row'
import type { OptionType } from './types'

/** The type of a checked value. */
export type ValueOf<Row> = Row extends { readonly type: OptionType<infer Out> } ? Out : never

/** Checked options of a table. Options that were not given are absent. */
export type Checked<T extends Table> = { -readonly [Name in keyof T]?: ValueOf<T[Name]> }

/** A row of any value type. */
export const rowOf = (table: Table, name: string) => table[name] as OptionRow

/**
 * Returns a checked copy of the options. An undefined option counts as not given.
 *
 * @param where the function that was called, for the message
 * @throws NanoGptError 'option': `train: batchSize is 0: must be at least 1`
 */
export function checkOptions<T extends Table>(where: string, table: T, options: unknown): Checked<T> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new NanoGptError('option', {
      where,
      reason: `the options must be an object, not ${options === undefined ? 'undefined' : show(options)}`,
    })
  }
  const checked: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (!Object.hasOwn(table, name)) throw unknownOption(where, name, table)
    checked[name] = checkValue(where, name, rowOf(table, name).type, value)
  }
  return checked as Checked<T>
}

/** @throws NanoGptError 'option' (or the type's own code) if the value does not fit the type */
export function checkValue<Out>(where: string, name: string, type: OptionType<Out>, value: unknown): Out {
  const parsed = v.safeParse(type.schema, value)
  if (parsed.success) return parsed.output
  // In an array, report the element that is wrong.
  const [issue] = parsed.issues
  const at = Array.isArray(value) ? value.findIndex((each) => !v.safeParse(type.schema, each).success) : -1
  const wrong = at < 0 ? value : (value as readonly unknown[])[at]
  const close = typeof wrong === 'string' && type.choices ? suggest(wrong, type.choices) : undefined
  throw new NanoGptError(type.code?.(wrong) ?? 'option', {
    where,
    option: name,
    value: wrong,
    ...(close !== undefined && { remedy: say`Did you mean ${option(name, close)}?` }),
    // valibot's own messages begin with 'Invalid' and describe types, not options.
    reason: issue.message.startsWith('Invalid ') ? `must be ${type.range}` : issue.message,
  })
}

/** @throws NanoGptError 'option' if a required option was not given */
export function requireOption<T>(where: string, name: string, value: T | undefined, remedy: string): T {
  if (value !== undefined) return value
  throw new NanoGptError('option', { where, option: name, value, reason: 'it is required', remedy })
}

/** The error for an unknown option. It suggests the nearest known one. */
export function unknownOption(where: string, name: string, table: Table): NanoGptError {
  const close = nearestOption(name, table)
  const remedy =
    close === undefined
      ? say`the options are ${Object.keys(table).join(', ')}`
      : say`Did you mean ${option(close)}?`
  return new NanoGptError('option', { where, reason: say`there is no option ${printable(name)}`, remedy })
}

/**
 * The content of a file with former option names replaced by the current ones. A former name stays,
 * and is then unknown, if the file has the current name too.
 */
export function renamed(
  table: Table,
  stored: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const names = new Map(Object.keys(table).map((name) => [rowOf(table, name).formerly, name]))
  const now = (key: string) => {
    const name = names.get(key)
    return name === undefined || Object.hasOwn(stored, name) ? key : name
  }
  return Object.fromEntries(Object.entries(stored).map(([key, value]) => [now(key), value]))
}

/**
 * The option that a name probably means: by its former name, its name in other tools, or its
 * spelling.
 */
export function nearestOption(name: string, table: Table): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_\s]/g, '')
  const wanted = plain(name)
  const known = Object.keys(table).find((key) => {
    const { formerly = key, otherNames = [] } = rowOf(table, key)
    return [key, formerly, ...otherNames].some((other) => plain(other) === wanted)
  })
  return known ?? suggest(name, Object.keys(table))
}

/** Copies the properties among `keys` that are defined. */
export function pick<T extends object, K extends keyof T>(
  source: T,
  keys: readonly K[],
): { [P in K]?: NonNullable<T[P]> } {
  return Object.fromEntries(
    keys.filter((key) => source[key] !== undefined).map((key) => [key, source[key]]),
  ) as {
    [P in K]?: NonNullable<T[P]>
  }
}

/** Drops properties that are undefined. */
export function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T
}

/**
 * Calls a function now and returns, or throws, its result later: options are checked at once, and
 * errors surface on await.
 */
export function attempt<T>(work: () => T): () => T {
  try {
    const value = work()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}
