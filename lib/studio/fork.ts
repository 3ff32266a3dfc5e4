// Starts a run that continues another one from a step, with a change.

import { rm } from 'node:fs/promises'
import { titleOf } from '../data/corpus'
import { readRun } from '../history/read'
import type { CheckedTrainOptions } from '../options'
import { writeFork } from '../train/fork'
import type { Moments } from './moments'
import type { Rebuilder } from './rebuild'
import type { Runner } from './runner'

export interface ForkParts {
  readonly moments: Moments
  readonly rebuilder: Rebuilder
  readonly runner: Runner
  newFolder(name: string): string
}

export interface WantedFork {
  readonly id: string
  readonly folder: string
  readonly step: number
  readonly changes: CheckedTrainOptions
}

/**
 * @returns the id of the fork, when its first step begins
 * @throws RequestError if a run is training; the errors of `replay`, `writeFork` and `train`. Then nothing is
 *   left of the fork
 */
export async function startFork(
  { moments, rebuilder, runner, newFolder }: ForkParts,
  { id, folder, step, changes }: WantedFork,
): Promise<string> {
  runner.refuseBusy()
  await rebuilder.rebuild(id, folder, step)
  const run = await readRun(folder)
  const title = titleOf(run.data.name)
  const out = newFolder(`${title} fork`)
  try {
    const state = (await moments.wholeAt(folder, step))!
    await writeFork({ run, state, changes, out })
    return await runner.resume(out, title)
  } catch (error) {
    await rm(out, { recursive: true, force: true })
    throw error
  }
}
