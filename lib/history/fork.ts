// A fork: a run that continues another one from a step, with a change. fork.json in its folder says so.

import { isAbsolute, join, resolve } from 'node:path'
import * as v from 'valibot'
import { forkFile, readJson } from './folder'

/** An option that differs from the other run's. */
export interface Changed {
  readonly option: string
  readonly from: number | string | null
  readonly to: number | string | null
}

export interface Fork {
  /** The folder of the other run, relative to that of the fork. */
  readonly run: string
  /** The step up to which both are the same. */
  readonly step: number
  readonly changes: readonly Changed[]
}

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096))
const name = v.pipe(v.string(), v.maxLength(100))
const value = v.nullable(v.union([v.pipe(v.number(), v.finite()), name]))
const fork = v.object({
  run: path,
  step: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  changes: v.pipe(v.array(v.object({ option: name, from: value, to: value })), v.maxLength(20)),
})

/** The fork.json of a folder; undefined if there is none, or no run wrote it. */
export async function readFork(folder: string): Promise<Fork | undefined> {
  const parsed = v.safeParse(fork, await readJson(join(folder, forkFile)))
  return parsed.success ? parsed.output : undefined
}

/** The folder of the run that a fork continues. */
export function parentOf(folder: string, { run }: Fork): string {
  return isAbsolute(run) ? run : resolve(folder, run)
}
