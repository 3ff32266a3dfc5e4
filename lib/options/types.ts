// The types of option values. The check, the TypeScript declaration, the flag and the docs all use
// the same type.

import * as v from 'valibot'
import { type ErrorCode, NanoGptError } from '../errors'

export interface OptionType<Out = unknown> {
  /** Checks a value and normalizes it. Messages have the form 'must be …'. */
  readonly schema: v.GenericSchema<unknown, Out>
  /** The type in a TypeScript declaration. */
  readonly ts: string
  /** A description for the docs: 'a whole number from 0 to 10'. */
  readonly range: string
  /** The error code for an invalid value. Absent: 'option'. */
  readonly code?: (value: unknown) => ErrorCode
  /**
   * What follows the flag in help: '<n>'. Absent for booleans, which have `--<flag>` and
   * `--no-<flag>`.
   */
  readonly placeholder?: string
  /** Parses a command line argument, or throws an Error 'must be …'. Absent: the text itself. */
  readonly parse?: (text: string) => unknown
  /** Whether the flag may be repeated, each time adding a value. */
  readonly repeats?: boolean
  /** The values to choose from. */
  readonly choices?: readonly string[]
  /** The bounds of a number. */
  readonly bounds?: Bounds
}

export interface Bounds {
  readonly min?: number
  readonly max?: number
  /** Exclusive. */
  readonly above?: number
  readonly below?: number
}

/** Kernels take dimensions and counts as i32. */
const largestCount = 2 ** 31 - 1
const largestF32 = (2 - 2 ** -23) * 2 ** 127
/**
 * Smaller numbers are subnormal in f32: they lose precision, and some processors flush them to 0.
 */
const smallestF32 = 2 ** -126

const must = (what: string) => `must be ${what}`
const say = (value: number) => (value === largestCount ? '2^31 - 1' : String(value))

/** 'from 0 to below 1', 'of at least 1'. */
function rangeOf({ min, max, above, below }: Bounds): string {
  const low = min !== undefined ? `from ${say(min)}` : above !== undefined ? `above ${say(above)}` : ''
  if (max !== undefined) return `${low || 'up'} to ${say(max)}`
  if (below !== undefined) return `${low || 'up'} to below ${say(below)}`
  return min === undefined ? low : `of at least ${say(min)}`
}

function withinBounds({ min, max, above, below }: Bounds) {
  return [
    ...(min !== undefined ? [v.minValue(min, must(`at least ${say(min)}`))] : []),
    ...(above !== undefined ? [v.gtValue(above, must(`more than ${say(above)}`))] : []),
    ...(max !== undefined ? [v.maxValue(max, must(`at most ${say(max)}`))] : []),
    ...(below !== undefined ? [v.ltValue(below, must(`less than ${say(below)}`))] : []),
  ] as v.PipeItem<number, number, v.BaseIssue<unknown>>[]
}

/** A decimal number: `0.001`, `1e-3`, `-2`. */
const numeral = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** A whole number. The command line also accepts `1e9`. */
export function whole(bounds: Bounds = { min: 1 }): OptionType<number> {
  const all = { max: largestCount, ...bounds }
  const range = `a whole number ${rangeOf(bounds)}`
  return {
    schema: v.pipe(
      v.number(must('a number')),
      v.safeInteger(must('a whole number')),
      ...(withinBounds(all) as []),
    ) as v.GenericSchema<unknown, number>,
    ts: 'number',
    range,
    placeholder: '<n>',
    parse: (text) => {
      const value = Number(text)
      if (numeral.test(text) && Number.isSafeInteger(value)) return value
      throw new Error(must('a whole number'))
    },
    bounds: all,
  }
}

/** A number within the range of f32, in which kernels compute. */
export function real(bounds: Bounds & { placeholder?: string } = {}): OptionType<number> {
  const { placeholder = '<x>', ...range } = bounds
  return {
    schema: v.pipe(
      v.number(must('a number')),
      v.finite(must('finite')),
      ...(withinBounds(range) as []),
      v.maxValue(largestF32, must('at most 3.4e38, the largest f32 number')),
      v.check(
        (value) => value === 0 || value >= smallestF32,
        must(`${range.above === 0 ? '' : '0 or '}at least 1.2e-38, the smallest normal f32 number`),
      ),
    ) as v.GenericSchema<unknown, number>,
    ts: 'number',
    range: `a number ${rangeOf(range)}`.trimEnd(),
    placeholder,
    parse: (text) => {
      if (numeral.test(text)) return Number(text)
      throw new Error(must('a number, such as 0.001 or 1e-3'))
    },
    bounds: range,
  }
}

/** A limit above 0. null means no limit, because JSON has no Infinity. */
export function limit(): OptionType<number | null> {
  const type = real({ above: 0 })
  return {
    ...type,
    schema: v.pipe(
      v.union([v.null(), v.literal(Infinity), type.schema], (issue) => {
        const messages = issue.issues?.map(({ message }) => message) ?? []
        return messages.at(-1) ?? must(type.range)
      }),
      v.transform((value) => (value === Infinity ? null : value)),
    ),
    ts: 'number | null',
    range: `${type.range}, or Infinity`,
    parse: (text) => (/^inf(inity)?$/i.test(text) ? null : type.parse!(text)),
  }
}

/** A probability or a decay rate in [0, 1). */
export const fraction = () => real({ min: 0, below: 1, placeholder: '<p>' })

export const flag: OptionType<boolean> = {
  schema: v.boolean(must('true or false')),
  ts: 'boolean',
  range: 'true or false',
}

const quoted = (names: readonly string[]) => names.map((name) => `'${name}'`)
/** 'a', 'b' or 'c' */
function alternatives(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

/** One of these names. */
export function choice<const Names extends readonly string[]>(names: Names): OptionType<Names[number]> {
  return {
    schema: v.picklist(names, must(alternatives(quoted(names)))) as v.GenericSchema<unknown, Names[number]>,
    ts: quoted(names).join(' | '),
    range: alternatives(quoted(names)),
    placeholder: '<name>',
    choices: names,
  }
}

/**
 * A name that the caller looks up, so that its error can suggest the nearest one. `names` lists the
 * usual ones.
 */
export function name(names: readonly string[], others?: string): OptionType<string> {
  return {
    schema: v.string(must('a string')),
    // `string & {}` keeps the names among an editor's suggestions.
    ts: [...quoted(names), ...(others === undefined ? [] : [others])].join(' | '),
    range: alternatives(quoted(names)),
    placeholder: '<name>',
    choices: names,
  }
}

/** The path of a file or a folder. */
export function path(placeholder: '<dir>' | '<file>' | '<dir|file>' | '<path>'): OptionType<string> {
  return {
    schema: v.pipe(
      v.string(must('a path')),
      v.check((text) => text !== '', must('a path, but it is empty')),
      v.check((text) => !text.includes('\0'), must('a path without zero bytes')),
    ),
    ts: 'string',
    range: 'a path',
    placeholder,
  }
}

export const text: OptionType<string> = {
  schema: v.string(must('a string')),
  ts: 'string',
  range: 'a string',
  placeholder: '<text>',
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', '\\': '\\' }

/** A text in which the command line reads \n, \t and \\ as a line feed, a tab and a backslash. */
export const escapedText: OptionType<string> = {
  ...text,
  parse: (argument) => argument.replace(/\\([nt\\])/g, (_, letter: string) => escapes[letter]),
}

const seedRange = 'a whole number from 0 to 2^64 - 1; from 2^53 on, a bigint or a string of digits'

/** A 64-bit seed, converted to a bigint. */
export const seed: OptionType<bigint> = {
  schema: v.pipe(
    v.union(
      [
        v.pipe(v.number(), v.safeInteger(must(seedRange)), v.minValue(0, must(seedRange))),
        v.bigint(),
        v.pipe(v.string(), v.regex(/^\d{1,20}$/, must(seedRange))),
      ],
      must(seedRange),
    ),
    v.transform((value) => BigInt(value)),
    v.check((value) => value >= 0n && value < 2n ** 64n, must(seedRange)),
  ),
  ts: 'number | bigint | string',
  range: seedRange,
  placeholder: '<n>',
  parse: (text) => {
    if (/^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n) return BigInt(text)
    if (numeral.test(text) && Number.isSafeInteger(Number(text)) && Number(text) >= 0)
      return BigInt(Number(text))
    throw new Error(must(`a whole number from 0 to ${2n ** 64n - 1n}`))
  },
}

/** A seed as JSON stores it without loss. The `seed` option accepts the result. */
export function seedToJSON(seed: bigint): number | string {
  return seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : String(seed)
}

/**
 * An AbortSignal. Checked by its methods, because `instanceof` fails for a signal of another realm.
 */
export const signal: OptionType<AbortSignal> = {
  schema: v.custom<AbortSignal>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      'aborted' in value &&
      typeof (value as AbortSignal).addEventListener === 'function' &&
      typeof (value as AbortSignal).throwIfAborted === 'function',
    must('an AbortSignal'),
  ),
  ts: 'AbortSignal',
  range: 'an AbortSignal',
}

/** One value, or an array of values, of a type. */
export function oneOrMore<T>(type: OptionType<T>, what: string): OptionType<readonly T[]> {
  return {
    ...type,
    schema: v.pipe(
      v.union(
        [v.pipe(v.array(type.schema), v.minLength(1, 'must not be empty')), type.schema],
        ({ input, issues = [] }) => {
          // For a value that is not an array, report the element type's issue.
          const found = issues.find(({ type }) => Array.isArray(input) || type !== 'array')
          return found === undefined || (found.kind === 'schema' && !Array.isArray(input))
            ? must(what)
            : found.message
        },
      ),
      v.transform((value) => (Array.isArray(value) ? (value as T[]) : [value as T])),
    ) as v.GenericSchema<unknown, readonly T[]>,
    ts: /[|&]/.test(type.ts) ? `${type.ts} | readonly (${type.ts})[]` : `${type.ts} | readonly ${type.ts}[]`,
    range: what,
    repeats: true,
  }
}

/**
 * Values of a type as one argument of the command line, separated by commas: `1e-3,3e-3`, `true,false`.
 * A switch without a value is true.
 */
export function listOf(type: OptionType): OptionType {
  const isSwitch = type.placeholder === undefined
  const parse = isSwitch ? parseSwitch : (type.parse ?? ((text: string) => text))
  return {
    ...type,
    placeholder: isSwitch ? '[true,false]' : type.placeholder.replace('>', ',...>'),
    repeats: true,
    parse: (text) => text.split(',').map((each) => parse(each)),
  }
}

function parseSwitch(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new Error(must('true or false'))
}

/** Parses a command line argument; an error names the option. */
export function parseArgument(option: string, type: OptionType, text: string): unknown {
  try {
    return type.parse ? type.parse(text) : text
  } catch (error) {
    throw new NanoGptError('option', { option, value: text, reason: (error as Error).message })
  }
}
