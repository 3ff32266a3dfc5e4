// The folder of a run: one run each, and nothing of anyone else's is written over.

import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { files } from '../checkpoint/checkpoint'
import { call, NanoGptError, option, say } from '../errors'
import type { CheckedTrainOptions } from '../options'

export const configFile = 'config.json'
/** A text that can't be found again elsewhere: one that was given inline, or through a pipe. */
export const textFile = 'text.txt'

const checkpoints = Object.values<string>(files)
/** What a run writes. */
const ours = [configFile, textFile, ...checkpoints]

/**
 * Makes sure that a run may write into `out`.
 *
 * @throws NanoGptError 'run_exists' if it holds another run and `overwrite` wasn't given; 'foreign_files' if it holds anything else
 */
export function checkFolder({ out, resume, overwrite }: CheckedTrainOptions): void {
  if (out === undefined) return
  const found = statSync(out, { throwIfNoEntry: false })
  if (!found) return
  if (!found.isDirectory()) {
    throw new NanoGptError('write_failed', {
      where: 'train',
      option: 'out',
      value: out,
      reason: 'it is a file, and a run needs a folder',
      remedy: 'give the path of a folder that is empty or not there',
    })
  }
  if (holdsRun(out)) {
    if (overwrite || (resume !== undefined && isRunOf(out, resume))) return
    throw new NanoGptError('run_exists', {
      where: 'train',
      option: 'out',
      value: out,
      reason: 'it already holds a run',
      remedy: say`give another folder, replace it with ${option('overwrite', true)}, or continue it: ${call('train', { resume: out })}`,
    })
  }
  const foreign = foreignFile(out)
  if (foreign === undefined) return
  throw new NanoGptError('foreign_files', {
    where: 'train',
    option: 'out',
    value: out,
    reason: `it holds ${foreign}, which no run wrote`,
    remedy: 'give a folder that is empty or not there, so that nothing of yours is overwritten',
  })
}

export function holdsRun(folder: string): boolean {
  return checkpoints.some((name) => existsSync(join(folder, name)))
}

/** What stands in a folder that has no checkpoint and isn't what a run left that ended before its first. Hidden files don't count. */
function foreignFile(folder: string): string | undefined {
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'))
  const isRun = names.includes(configFile) && isConfigOfRun(join(folder, configFile))
  return names.find((name) => !(isRun && ours.includes(name)))
}

/** Whether a run wrote it: other tools have a config.json too. */
function isConfigOfRun(path: string): boolean {
  try {
    return isOfRun(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return false
  }
}

/** Whether a config is a run's own, with every option explicit, and not one that somebody wrote by hand. */
export function isOfRun(config: unknown): boolean {
  return ['steps', 'batchSize', 'seed', 'device'].every((name) => Object.hasOwn(Object(config), name))
}

/** Removes what the former run in a folder wrote, and nothing else. */
export async function removeRun(folder: string): Promise<void> {
  for (const name of ours) await rm(join(folder, name), { force: true })
}

/** Whether `resume`, a folder or a file in it, is the run in `out`. */
function isRunOf(out: string, resume: string): boolean {
  const found = statSync(resume, { throwIfNoEntry: false })
  // What can't be resumed is said by who reads it.
  if (!found) return true
  return realpathSync(out) === realpathSync(found.isDirectory() ? resume : dirname(resume))
}
