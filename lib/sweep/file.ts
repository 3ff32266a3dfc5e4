// sweep.json: the grid of a sweep, the options that its runs share, and what each run has come to. The
// same sweep continues from it, and a larger grid extends it.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { type ErrorCode, errorCodes, NanoGptError, option, reasonOf, say } from '../errors'
import { writeFileAtomic } from '../files/atomic'
import { parseJson } from '../files/json'
import { readSmallFile, statOf } from '../files/read'
import { type CheckedTrainOptions, machineOptions } from '../options'
import { version } from '../version'
import { type Grid, nameOf, pointsOf, type SweepPlan } from './grid'
import { newRun, type SweepRun } from './runs'

export const sweepFile = 'sweep.json'
/** In bytes. A run has about 400. */
const longest = 16 << 20

const value = v.nullable(v.union([v.number(), v.string(), v.boolean()]))
const loss = { valLoss: v.number(), valBitsPerByte: v.number() }
const schema = v.object({
  version: v.string(),
  vary: v.record(v.string(), v.array(value)),
  options: v.record(v.string(), v.unknown()),
  text: v.nullable(v.string()),
  runs: v.array(
    v.object({
      // The name is that of a folder in the folder of the sweep.
      name: v.pipe(v.string(), v.regex(/^[a-z][\w-]*=[\w.%+,=-]*$/)),
      options: v.record(v.string(), value),
      state: v.picklist(['waiting', 'finished', 'failed']),
      seconds: v.pipe(v.number(), v.minValue(0)),
      best: v.nullable(v.object({ step: v.number(), ...loss })),
      final: v.nullable(v.object(loss)),
      error: v.nullable(
        v.object({ code: v.picklist(Object.keys(errorCodes) as ErrorCode[]), message: v.string() }),
      ),
    }),
  ),
})

/** The contents of sweep.json. */
interface Recorded {
  readonly version: string
  readonly vary: Grid
  /** The options that all runs share. Each inline text is replaced by its digest. */
  readonly options: Readonly<Record<string, unknown>>
  readonly text: string | null
  readonly runs: readonly SweepRun[]
}

/** What a sweep has come to. */
export interface State {
  /** All runs, in the order of the grid. */
  readonly runs: SweepRun[]
  /** The sha256 of the text of the first run. null: no run has begun. */
  text: string | null
}

/** Options that do not decide what is trained, so that a sweep may continue with others. */
const mayChange: readonly string[] = [...Object.keys(machineOptions), 'signal']

/**
 * The state of a sweep: new, or with the runs that an earlier call has recorded.
 *
 * @throws NanoGptError 'foreign_files' if the folder contains files but no sweep; 'sweep' if it contains
 *   another sweep, or its sweep.json is damaged
 */
export async function stateOf(plan: SweepPlan): Promise<State> {
  const path = join(plan.out, sweepFile)
  const runs = pointsOf(plan.grid).map((point) => newRun(nameOf(point), point))
  if (!(await statOf(path))) return { runs, text: null }
  const recorded = decode(path, Buffer.from(await readSmallFile(path, longest)).toString())
  refuseOther(plan, recorded)
  const key = (options: Readonly<Record<string, unknown>>, shared: Readonly<Record<string, unknown>>) =>
    JSON.stringify(Object.entries({ ...lasting(shared), ...options }).sort(([a], [b]) => (a < b ? -1 : 1)))
  const known = new Map(recorded.runs.map((run) => [key(run.options, recorded.options), run]))
  const shared = storable(plan.shared)
  let found = 0
  const all = runs.map((run) => {
    const earlier = known.get(key(run.options, shared))
    if (earlier === undefined) return run
    found++
    // The name stays if an option varies that had one value before.
    return { ...earlier, options: run.options }
  })
  if (found < recorded.runs.length) throw damaged(path, 'its runs are not those of its grid')
  return { runs: all, text: recorded.text }
}

/** Writes sweep.json into the folder, which exists. */
export async function record({ out, grid, shared }: SweepPlan, { runs, text }: State): Promise<void> {
  const recorded: Recorded = { version, vary: grid, options: lasting(storable(shared)), text, runs }
  await writeFileAtomic(join(out, sweepFile), [Buffer.from(`${JSON.stringify(recorded, null, 2)}\n`)])
}

/** @throws NanoGptError 'foreign_files' if a folder contains files but no sweep. Hidden files are ignored. */
export async function refuseForeign(out: string): Promise<void> {
  if (existsSync(join(out, sweepFile))) return
  const names = await readdir(out).catch(() => [])
  const foreign = names.find((name) => !name.startsWith('.'))
  if (foreign === undefined) return
  throw new NanoGptError('foreign_files', {
    where: 'sweep',
    option: 'out',
    value: out,
    reason: `it contains ${foreign}, but no ${sweepFile}`,
    remedy: 'give an empty folder, or one that does not exist yet',
  })
}

function decode(path: string, text: string): Recorded {
  let parsed: unknown
  try {
    parsed = parseJson(text)
  } catch (cause) {
    throw damaged(path, `it is not valid JSON (${reasonOf(cause)})`)
  }
  const { success, output, issues } = v.safeParse(schema, parsed)
  if (success) return output
  throw damaged(path, `${v.getDotPath(issues[0]) ?? 'it'} is not what a sweep writes`)
}

function damaged(path: string, reason: string): NanoGptError {
  return new NanoGptError('sweep', {
    subject: path,
    reason,
    remedy: say`give another ${option('out')}`,
  })
}

/** Options as sweep.json has them. An inline text is represented by its digest. */
function storable(options: CheckedTrainOptions): Readonly<Record<string, unknown>> {
  const { data, ...rest } = options
  const sources = data?.map((source) =>
    typeof source === 'object' && 'text' in source
      ? { ...source, text: `sha256:${createHash('sha256').update(source.text).digest('hex')}` }
      : source,
  )
  return sources ? { data: sources, ...rest } : rest
}

/** The options that decide what is trained. */
function lasting(options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !mayChange.includes(name)))
}

/**
 * A sweep may get more values, of options that varied and of those that did not. Otherwise it stays as
 * it was: its results would not be comparable.
 *
 * @throws NanoGptError 'sweep' that names the option which differs
 */
function refuseOther({ out, grid, shared }: SweepPlan, { vary, options }: Recorded): void {
  const now = valuesOf(grid, lasting(storable(shared)))
  const before = valuesOf(vary, lasting(options))
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const missing = (before[name] ?? [undefined]).find(
      (each) => !now[name]?.some((other) => isSame(each, other)),
    )
    const isNew = !(name in before)
    if (missing === undefined && !isNew) continue
    const given = alone(now[name])
    throw new NanoGptError('sweep', {
      where: 'sweep',
      option: name,
      ...(!Array.isArray(given) && { value: given }),
      reason: isNew
        ? say`the runs in ${out} were made without it`
        : say`runs in ${out} have ${option(name, alone(missing))}`,
      remedy: say`${isNew ? 'leave it out' : 'give this value, too'}, or give another ${option('out')} for a new sweep`,
    })
  }
}

/** The values of each option that is given. */
function valuesOf(
  grid: Grid,
  shared: Readonly<Record<string, unknown>>,
): Readonly<Record<string, readonly unknown[]>> {
  const single = Object.entries(shared).map(([name, value]) => [name, [value]] as const)
  return { ...Object.fromEntries(single), ...grid }
}

/** The only element of an array; any other value as it is. */
function alone(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? alone(value[0]) : value
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
