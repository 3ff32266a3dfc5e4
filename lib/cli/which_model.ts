// The default model of a command: that of the newest run.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checkpointsIn } from '../checkpoint/folder'
import { call, NanoGptError, option, say } from '../errors'

/** The run folder with the newest checkpoint. */
export async function newestRun(folder: string): Promise<string> {
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
    remedy: say`Name one with ${option('model')}, or train one: ${call('train')}`,
  })
}
