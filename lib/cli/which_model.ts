// The runs and models that commands are given: by their paths, by the names of runs, or the newest one.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checkpointsIn } from '../checkpoint/folder'
import { call, NanoGptError, option, type Phrase, say } from '../errors'
import { located, runsFolder } from './run_folders'

/** The model of a command. Default: that of the newest run. */
export async function modelPath(given: string | undefined): Promise<string> {
  return given === undefined ? newestRun(runsFolder) : located(given)
}

/** Options in which runs may have the names that they have in runs/. */
export async function withNamedRuns<T extends NamedRuns>(options: T): Promise<T> {
  const found: Record<string, string> = {}
  for (const name of ['from', 'resume'] as const) {
    const path = options[name]
    if (path !== undefined) found[name] = await located(path)
  }
  return { ...options, ...found }
}

interface NamedRuns {
  readonly from?: string
  readonly resume?: string
}

/** A run folder with checkpoints. */
export interface TrainedRun {
  readonly path: string
  /** When its newest checkpoint was written, in milliseconds. */
  readonly time: number
}

/** The runs in a folder that have checkpoints. */
export async function trainedRuns(folder: string): Promise<TrainedRun[]> {
  const names = await readdir(folder).catch(() => [] as string[])
  const found: TrainedRun[] = []
  for (const name of names) {
    const path = join(folder, name)
    const [file] = await checkpointsIn(path, 'last').catch(() => [])
    if (file === undefined) continue
    const time = (await stat(join(path, file)).catch(() => undefined))?.mtimeMs
    if (time !== undefined) found.push({ path, time })
  }
  return found
}

/**
 * The run folder with the newest checkpoint.
 *
 * @param how how to name another one, for the error
 */
export async function newestRun(
  folder: string,
  how: string | Phrase = say`Name one with ${option('model')}`,
): Promise<string> {
  const [newest] = (await trainedRuns(folder)).sort((a, b) => b.time - a.time)
  if (newest) return newest.path
  throw new NanoGptError('file_not_found', {
    reason: `there is no trained model in ${folder}/`,
    remedy: say`${how}, or train one: ${call('train')}`,
  })
}
