// Which model a command is about: the checkpoint that was named, or the newest run.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { files } from '../checkpoint/checkpoint'
import { NanoGptError, show, suggest } from '../errors'
import { command } from './output'

/** @param where the command, for the error's message */
export function which(where: string, checkpoint: string | undefined): 'best' | 'last' | undefined {
  if (checkpoint === undefined || checkpoint === 'best' || checkpoint === 'last') return checkpoint
  const close = suggest(checkpoint, ['best', 'last'])
  const hint = close ? `; did you mean ${close}?` : ''
  throw new NanoGptError(
    'option',
    `${where}: checkpoint is ${show(checkpoint)}: it must be best or last${hint}`,
  )
}

/** The run folder whose last checkpoint is the newest. */
export async function newestRun(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => [] as string[])
  let newest: { path: string; time: number } | undefined
  for (const name of names) {
    const path = join(folder, name)
    const time = (await stat(join(path, files.last)).catch(() => undefined))?.mtimeMs
    if (time !== undefined && (!newest || time > newest.time)) newest = { path, time }
  }
  if (newest) return newest.path
  throw new NanoGptError(
    'file_not_found',
    `there is no trained model under ${folder}/: make one with "${command('train')}", or name one with --model`,
  )
}
