// Checking options against a table: what comes out is a copy, normalised, that later changes of the caller's object can't reach.

import * as v from 'valibot'
import { NanoGptError, option, say, show, suggest } from '../errors'
import type { OptionRow, Table } from './row'
import type { OptionType } from './types'

/** What a value is after the check. */
export type ValueOf<Row> = Row extends { readonly type: OptionType<infer Out> } ? Out : never

/** Options of a table, checked; those that were not given are absent. */
export type Checked<T extends Table> = { -readonly [Name in keyof T]?: ValueOf<T[Name]> }

/** A row, whatever its values. */
export const rowOf = (table: Table, name: string) => table[name] as OptionRow

/**
 * A checked copy of the options. One that is undefined counts as not given.
 *
 * @param where the function that took them, for the message
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

/** @throws NanoGptError 'option' if the value is none of the type */
export function checkValue<Out>(where: string, name: string, type: OptionType<Out>, value: unknown): Out {
  const parsed = v.safeParse(type.schema, value)
  if (parsed.success) return parsed.output
  // Of an array, the element that is wrong.
  const [issue] = parsed.issues
  const at = Array.isArray(value) ? value.findIndex((each) => !v.safeParse(type.schema, each).success) : -1
  const wrong = at < 0 ? value : (value as readonly unknown[])[at]
  const close = typeof wrong === 'string' && type.choices ? suggest(wrong, type.choices) : undefined
  throw new NanoGptError(type.code?.(wrong) ?? 'option', {
    where,
    option: name,
    value: wrong,
    ...(close !== undefined && { remedy: say`Did you mean ${option(name, close)}?` }),
    // Where a type has no words of its own, valibot's speak of types, not of options.
    reason: issue.message.startsWith('Invalid ') ? `must be ${type.range}` : issue.message,
  })
}

/** @throws NanoGptError 'option' if an option that a call can't do without wasn't given */
export function requireOption<T>(where: string, name: string, value: T | undefined, remedy: string): T {
  if (value !== undefined) return value
  throw new NanoGptError('option', { where, option: name, value, reason: 'it is needed', remedy })
}

/** The error for an option that nothing knows, with the nearest one that something does. */
export function unknownOption(where: string, name: string, table: Table): NanoGptError {
  const close = nearestOption(name, table)
  const remedy =
    close === undefined
      ? say`the options are ${Object.keys(table).join(', ')}`
      : say`Did you mean ${option(close)}?`
  return new NanoGptError('option', { where, reason: say`there is no option ${name}`, remedy })
}

/** What a file holds, by the names that options have now. A name of before stays where the new one is there too: it is then unknown. */
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

/** The option that a name was probably meant for: by a name of before or another tool's word for it, or by its letters. */
export function nearestOption(name: string, table: Table): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_\s]/g, '')
  const wanted = plain(name)
  const known = Object.keys(table).find((key) => {
    const { formerly = key, otherNames = [] } = rowOf(table, key)
    return [key, formerly, ...otherNames].some((other) => plain(other) === wanted)
  })
  return known ?? suggest(name, Object.keys(table))
}

/** Those of the properties that are defined. */
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

/** Without the properties that are undefined. */
export function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T
}

/** What came of a function, for later: its value, or what it threw. A call checks its options at once and reports the error when it is awaited. */
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
