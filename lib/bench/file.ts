// Saves results to a file, and compares results with a file.

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import * as v from 'valibot'
import { machine } from '../backend/machine'
import { loadAddon } from '../backend/native/addon'
import { type ErrorCode, NanoGptError, option, reasonOf, say, show } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import { parseJson } from '../files/json'
import { readSmallFile } from '../files/read'
import { version } from '../version'
import type { Python } from './competitors'
import type { Result } from './result'

const savedSchema = v.object({
  type: v.literal('nano-gpt bench'),
  version: v.literal(1),
  date: v.string(),
  machine: v.object({
    platform: v.string(),
    processor: v.string(),
    cores: v.number(),
    instructionSet: v.optional(v.string()),
  }),
  versions: v.object({
    nanoGpt: v.string(),
    node: v.string(),
    torch: v.optional(v.string()),
    mlx: v.optional(v.string()),
  }),
  results: v.array(
    v.looseObject({
      kind: v.string(),
      name: v.string(),
      ms: v.pipe(v.number(), v.gtValue(0)),
      device: v.string(),
      threads: v.optional(v.number()),
      precision: v.optional(v.string()),
      batchSize: v.optional(v.number()),
    }),
  ),
})

/** In bytes. Every result has a few hundred. */
const longest = 10_000_000

export type Saved = v.InferOutput<typeof savedSchema>

/** A comparison with the result of the same name in an older file. */
export interface Change {
  /** The time in the older file. */
  readonly ms: number
  /** Time before / time now: above 1 means faster. */
  readonly ratio: number
}

function machineNow(): Saved['machine'] {
  return { ...machine(), instructionSet: loadAddon().addon?.info().instructionSet }
}

/**
 * Creates the folder of the file, so that an error comes before the minutes of measuring.
 *
 * @throws NanoGptError 'write_failed' if the folder cannot be created, 'foreign_files' if the file
 *   exists and is not a file of results
 */
export async function prepareSave(path: string): Promise<void> {
  await makeFolder(dirname(path))
  if (!existsSync(path)) return
  await readBaseline(path).catch((cause) => {
    const details = {
      where: 'bench',
      option: 'save',
      value: path,
      reason: 'the file is not a file of results',
    }
    throw new NanoGptError('foreign_files', { ...details, remedy: 'give another name' }, { cause })
  })
}

export async function saveResults(
  path: string,
  results: readonly Result[],
  compared: Python['versions'] = {},
): Promise<void> {
  const saved = {
    type: 'nano-gpt bench',
    version: 1,
    date: new Date().toISOString(),
    machine: machineNow(),
    versions: { nanoGpt: version, node: process.version, ...compared },
    results,
  }
  await writeFileAtomic(path, [Buffer.from(`${JSON.stringify(saved, null, 2)}\n`)])
}

/** @throws NanoGptError if the file is missing or `--save` did not write it */
export async function readBaseline(path: string): Promise<Saved> {
  const bytes = await readSmallFile(path, longest).catch((error: NanoGptError) => {
    throw unusable(error.code, path, error.reason)
  })
  try {
    return v.parse(savedSchema, parseJson(Buffer.from(bytes).toString()))
  } catch (error) {
    throw unusable('baseline', path, `it is not a file of results: ${reasonOf(error)}`)
  }
}

function unusable(code: ErrorCode, path: string, reason: string): NanoGptError {
  return new NanoGptError(code, {
    where: 'bench',
    option: 'baseline',
    value: path,
    reason,
    remedy: say`Give a file that ${option('save')} wrote`,
  })
}

/** Undefined if the baseline has no result of the same kind and name. */
export function changeOf(result: Result, baseline: Saved): Change | undefined {
  const before = baseline.results.find(({ kind, name }) => kind === result.kind && name === result.name)
  return before && { ms: before.ms, ratio: before.ms / result.ms }
}

/** Describes the differences in conditions between a result and the baseline. */
export function differences(result: Result, baseline: Saved): string[] {
  const before = baseline.results.find(({ kind, name }) => kind === result.kind && name === result.name)
  const [now, then] = [machineNow(), baseline.machine]
  const pairs: [string, unknown, unknown][] = [
    ['processor', then.processor, now.processor],
    ['instruction set', then.instructionSet, now.instructionSet],
  ]
  for (const name of ['device', 'threads', 'precision', 'batchSize'] as const) {
    if (before) pairs.push([name === 'batchSize' ? 'batch size' : name, before[name], result[name]])
  }
  return pairs
    .filter(([, old, current]) => old !== current)
    .map(([name, old, current]) => `${name} ${show(old)} (now ${show(current)})`)
}
