// Checking of options: a schema each, and errors that name the option, its value and what would be right.

import * as v from 'valibot'
import { NanoGptError, show, suggest } from './errors'

export const count = v.pipe(
  v.number('must be a number'),
  v.safeInteger('must be a whole number'),
  v.minValue(1, 'must be at least 1'),
  v.maxValue(2 ** 31 - 1, 'must be less than 2^31'),
)

const number = v.pipe(v.number('must be a number'), v.finite('must be finite'))
export const positive = v.pipe(number, v.gtValue(0, 'must be more than 0'))
/** From 0 on. */
export const atLeastZero = v.pipe(number, v.minValue(0, 'must be at least 0'))
/** In [0, 1). */
export const fraction = v.pipe(atLeastZero, v.ltValue(1, 'must be less than 1'))
/** In [0, 1]. */
export const part = v.pipe(atLeastZero, v.maxValue(1, 'must be at most 1'))
export const wholeOrZero = v.pipe(
  v.number('must be a number'),
  v.safeInteger('must be a whole number'),
  v.minValue(0, 'must be at least 0'),
)

export const flag = v.boolean('must be true or false')

/** One of these words. */
export function oneOf<const Names extends readonly string[]>(names: Names) {
  const quoted = names.map((name) => `'${name}'`)
  return v.picklist(names, `must be ${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`)
}

const seedRange = 'must be a whole number from 0 to 2^53 - 1, or a bigint below 2n ** 64n'

export const seed = v.union(
  [
    v.pipe(v.number(), v.safeInteger(seedRange), v.minValue(0, seedRange)),
    v.pipe(v.bigint(), v.minValue(0n, seedRange), v.maxValue(2n ** 64n - 1n, seedRange)),
  ],
  seedRange,
)

export const signal = v.instance(AbortSignal, 'must be an AbortSignal')

type AnyObjectSchema = v.StrictObjectSchema<v.ObjectEntries, undefined>

/**
 * The options with defaults filled in.
 *
 * @param where the function that took them, for the message
 * @throws NanoGptError 'option': `train: batchSize is 0: must be at least 1`
 */
export function checkOptions<S extends AnyObjectSchema>(
  where: string,
  schema: S,
  options: unknown,
): v.InferOutput<S> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new NanoGptError('option', `${where}: the options must be an object, not ${show(options)}`)
  }
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(schema.entries, key))
  if (unknown !== undefined) throw unknownOption(where, unknown, Object.keys(schema.entries))
  const parsed = v.safeParse(schema, options)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const path = v.getDotPath(issue) ?? ''
  const missing = issue.input === undefined
  throw new NanoGptError(
    'option',
    `${where}: ${path} ${missing ? 'is missing' : `is ${show(issue.input)}`}: ${issue.message}`,
  )
}

/** The error for an option that nothing knows, with the nearest one that something does. */
export function unknownOption(where: string, name: string, known: readonly string[]): NanoGptError {
  const close = suggest(name, known)
  const hint = close ? `Did you mean ${close}?` : `The options are ${known.join(', ')}.`
  return new NanoGptError('option', `${where}: there is no option ${name}. ${hint}`)
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
