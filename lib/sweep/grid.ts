// The grid of a sweep: checks its options, and lists its runs and their names.

import { isStandardInput } from '../data/read'
import { NanoGptError, option, say, show } from '../errors'
import {
  type CheckedSweepOptions,
  type CheckedTrainOptions,
  checkOptions,
  checkValue,
  kebab,
  nearestOption,
  pick,
  rowOf,
  seedToJSON,
  sweepOptions,
  type TrainName,
  trainOptions,
  variedNames,
} from '../options'
import { checkTrainOptions, defaultSeed } from '../train/resolve'

/** The value of an option, as JSON. null: no limit. */
export type Value = number | string | boolean | null
/** The values of the options that vary, in a run or a configuration. The seed is the last one. */
export type Point = Readonly<Record<string, Value>>
/** The values of each option that varies. The seed is one of them, and the last one. */
export type Grid = Readonly<Record<string, readonly Value[]>>

/** What a sweep is to do, checked. */
export interface SweepPlan {
  readonly out: string
  readonly grid: Grid
  /** The options that all runs share. */
  readonly shared: CheckedTrainOptions
}

/** Longer names of folders make paths that some systems reject. */
const longestName = 200
const mostRuns = 10_000

/** @throws NanoGptError 'option' naming the option that is wrong */
export function checkSweepOptions(options: unknown): SweepPlan {
  const checked: CheckedSweepOptions = checkOptions('sweep', sweepOptions, options)
  const { vary, out, ...shared } = checked
  if (out === undefined) throw missing('out', 'give the folder of the sweep')
  if (vary === undefined || Object.keys(vary).length === 0)
    throw missing('vary', 'give the values of at least one option, such as { learningRate: [1e-3, 3e-3] }')
  refusePiped(shared)
  if (shared.preset === 'auto') throw sizedByItself()
  const { seed, ...same } = shared
  const seeds = vary.seed ?? [seed ?? defaultSeed]
  if (vary.seed !== undefined && seed !== undefined) throw givenTwice('seed', seed)
  const { seed: _, ...others } = checkValues(vary, same)
  const plan = { out, grid: { ...others, ...checkValues({ seed: seeds }, same) }, shared: same }
  refuseMany(plan.grid)
  for (const point of pointsOf(plan.grid)) {
    if (nameOf(point).length > longestName) throw tooLong(nameOf(point))
    checkTrainOptions({ ...same, ...point })
  }
  return plan
}

function missing(name: 'out' | 'vary', remedy: string): NanoGptError {
  return new NanoGptError('option', {
    where: 'sweep',
    option: name,
    value: undefined,
    reason: 'it is required',
    remedy,
  })
}

function refusePiped({ data = [] }: CheckedTrainOptions): void {
  const piped = data.find((source) => typeof source === 'string' && isStandardInput(source))
  if (piped === undefined) return
  throw new NanoGptError('option', {
    where: 'sweep',
    option: 'data',
    value: piped,
    reason: 'standard input can be read only once, but each run reads the text',
    remedy: 'save the text to a file',
  })
}

/** The values as JSON, by option, in the order of the table of options. */
function checkValues(vary: Readonly<Record<string, readonly unknown[]>>, shared: CheckedTrainOptions): Grid {
  for (const [name, [first]] of Object.entries(vary)) {
    if (!variedNames.some((each) => each === name)) throw notVaried(name, first)
    const also = shared[name as TrainName]
    if (also !== undefined) throw givenTwice(name, also)
  }
  const names = variedNames.filter((name) => vary[name] !== undefined)
  return Object.fromEntries(
    names.map((name) => {
      const values = vary[name].map((value) => checkOne(name, value))
      refuseRepeated(name, values)
      return [name, values]
    }),
  )
}

function checkOne(name: TrainName, value: unknown): Value {
  const checked = checkValue('sweep', name, rowOf(trainOptions, name).type, value)
  if (name === 'preset' && checked === 'auto') throw sizedByItself()
  return typeof checked === 'bigint' ? seedToJSON(checked) : (checked as Value)
}

function notVaried(name: string, value: unknown): NanoGptError {
  const close = nearestOption(name, pick(trainOptions, variedNames) as typeof trainOptions)
  const isOption = Object.hasOwn(trainOptions, name)
  const remedy = isOption
    ? 'give it one value, for all runs'
    : close !== undefined
      ? say`Did you mean ${option(close)}?`
      : say`the options are ${variedNames.join(', ')}`
  const reason = isOption ? 'it cannot vary between the runs of a sweep' : 'there is no such option'
  return new NanoGptError('option', { where: 'sweep', option: name, value, reason, remedy })
}

function givenTwice(name: string, value: unknown): NanoGptError {
  const reason = say`${option('vary')} has values of it, too`
  return new NanoGptError('option', {
    where: 'sweep',
    ...{ option: name, value, reason, remedy: 'leave one of them out' },
  })
}

function sizedByItself(): NanoGptError {
  return new NanoGptError('option', {
    where: 'sweep',
    option: 'preset',
    value: 'auto',
    reason: 'it measures the device before each run, so that runs would differ by chance in size and steps',
    remedy: 'choose another preset, and give the sizes',
  })
}

/** Every combination of values. All configurations come with the first seed, then with the next one. */
export function pointsOf(grid: Grid): Point[] {
  const { seed: seeds = [], ...others } = grid
  const combined = Object.entries(others).reduce<Point[]>(
    (points, [name, values]) =>
      points.flatMap((point) => values.map((value) => ({ ...point, [name]: value }))),
    [{}],
  )
  return seeds.flatMap((seed) => combined.map((point) => ({ ...point, seed })))
}

/**
 * The name of a run's folder: `learning-rate=0.001,seed=1`. It has only characters that every file
 * system accepts; others are escaped as in a URL.
 */
export function nameOf(point: Point): string {
  return Object.entries(point)
    .map(([name, value]) => `${kebab(name)}=${escaped(value === null ? 'Infinity' : String(value))}`)
    .join(',')
}

/** A dot at the end of a name is lost on Windows. */
function escaped(value: string): string {
  const coded = (character: string) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
  return value.replace(/[^\w.+-]|\.$/gu, coded)
}

/** The number of combinations, before they are made. */
function refuseMany(grid: Grid): void {
  const count = Object.values(grid).reduce((product, values) => product * values.length, 1)
  if (count <= mostRuns) return
  throw new NanoGptError('option', {
    where: 'sweep',
    option: 'vary',
    reason: `its values have ${count} combinations, and a sweep has at most ${mostRuns} runs`,
    remedy: 'give fewer values, or make several sweeps',
  })
}

function refuseRepeated(name: string, values: readonly Value[]): void {
  // Some file systems ignore case, and the values become names of folders.
  const keys = values.map((value) => String(value).toLowerCase())
  const at = keys.findIndex((key, i) => keys.indexOf(key) < i)
  if (at < 0) return
  throw new NanoGptError('option', {
    where: 'sweep',
    option: name,
    value: values[at],
    reason: 'it appears twice among the values',
    remedy: 'give each value once',
  })
}

function tooLong(name: string): NanoGptError {
  return new NanoGptError('option', {
    where: 'sweep',
    option: 'vary',
    reason: `the name of a run's folder would have ${name.length} characters: ${show(name, 60)}`,
    remedy: `vary fewer options: a name may have ${longestName} characters`,
  })
}
