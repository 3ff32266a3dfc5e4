// The runs and models that commands are given: by their paths, by the names of runs, or the newest one.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checkpointsIn } from '../checkpoint/folder'
import { call, NanoGptError, option, type Phrase, say } from '../errors'
import { statOf } from '../files/read'
import { runsFolder } from './run_folders'

/** The model of a command. Default: that of the newest run. */
export async function modelPath(given: string | undefined): Promise<string> {
  return given === undefined ? newestRun(runsFolder) : located(given)
}

/** A folder, or the name of one in runs/. */
export async function located(folder: string): Promise<string> {
  const isName = !/[\\/]/.test(folder) && !(await statOf(folder))
  return isName && (await statOf(join(runsFolder, folder))) ? join(runsFolder, folder) : folder
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

/** The run folder with the newest checkpoint. */
export async function newestRun(
  folder: string,
  hint: string | Phrase = say`Name one with ${option('model')}`,
): Promise<string> {
  const names = await readdir(folder).catch(() => [] as string[])
  let newest: { path: string; time: number } | undefined
  for (const name of names) {
    const path = join(folder, name)
    const [file] = await checkpointsIn(path, 'last').catch(() => [])
    if (file === undefined) continue
    const time = (await stat(join(path, file)).catch(() => undefined))?.mtimeMs
    if (time !== undefined && (!newest || time > newest.time)) newest = { path, time }
  }
  if (newest) return newest.path
  throw new NanoGptError('file_not_found', {
    reason: `there is no trained model in ${folder}/`,
    remedy: say`${hint}, or train one: ${call('train')}`,
  })
}
