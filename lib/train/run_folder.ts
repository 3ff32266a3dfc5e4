// The run folder. It contains one run, and files that a run did not write are never overwritten.

import { existsSync, realpathSync, statSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { loadAddon } from '../backend/native/addon'
import { files, isCheckpointName } from '../checkpoint/folder'
import { call, NanoGptError, option, reasonOf, say } from '../errors'
import { parseJson } from '../files/json'
import { type FolderLock, lockFolder, refuseLocked } from '../files/lock'
import { readSmallFile } from '../files/read'
import type { CheckedTrainOptions, TrainName } from '../options'

export const configFile = 'config.json'
/** In bytes. The file that a run writes has about 2000, and the paths of its texts. */
export const longestConfig = 1 << 20
/** A copy of a text that cannot be read again from its source: inline text, or a pipe. */
export const textFile = 'text.txt'

/** Whether a run writes files of this name. */
export function isOfRunFolder(name: string): boolean {
  return name === configFile || name === textFile || isCheckpointName(name)
}

/**
 * Checks that a run may write into `out`.
 *
 * @throws NanoGptError 'run_exists' if it contains another run and `overwrite` was not given;
 *   or if it is the one that new adapters need; 'foreign_files' if it contains other files; 'write_failed' if it is not a folder, or cannot be
 *   examined
 */
export async function checkFolder({
  out,
  resume,
  from,
  overwrite,
  loraRank = 0,
}: CheckedTrainOptions): Promise<void> {
  if (out === undefined) {
    refuseOtherLast(resume)
    return
  }
  const found = statOf(out)
  if (!found) return
  if (!found.isDirectory()) {
    throw new NanoGptError('write_failed', {
      where: 'train',
      option: 'out',
      value: out,
      reason: 'it is a file, but a run needs a folder',
      remedy: 'give an empty folder, or one that does not exist yet',
    })
  }
  const names = await namesIn(out)
  if (holdsRun(names)) {
    if (resume !== undefined && isRunOf(out, resume)) return
    if (overwrite) {
      if (loraRank > 0 && from !== undefined && isRunOf(out, from)) throw holdsBase(out)
      if (names.includes(textFile) && !(await keepsText(out))) throw holdsForeign(out, textFile)
      return
    }
    throw new NanoGptError('run_exists', {
      where: 'train',
      option: 'out',
      value: out,
      reason: 'it already contains a run',
      remedy: say`give another folder, replace it with ${option('overwrite', true)}, or continue it: ${call('train', { resume: out })}`,
    })
  }
  const foreign = await foreignFile(out, names)
  if (foreign !== undefined) throw holdsForeign(out, foreign)
}

/**
 * Checks the folder that a run writes to, and locks it for the run.
 *
 * @returns undefined if the run writes to no folder
 * @throws NanoGptError 'run_busy' if another run is writing to it, and those of checkFolder()
 */
export async function enterFolder(options: CheckedTrainOptions): Promise<FolderLock | undefined> {
  const folder = outOf(options)
  const lockFile = folder === null ? undefined : loadAddon().addon?.lockFile
  // First, because the files of a run that is still being written would give misleading errors.
  if (folder !== null) await refuseLocked(folder, lockFile)
  await checkFolder(options)
  if (folder === null || (await lacksCheckpoint(options))) return undefined
  const lock = await lockFolder(folder, lockFile)
  try {
    await checkFolder(options) // A run may have ended there in the meantime.
    return lock
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Whether a run is resumed from nothing, which readCheckpoint() reports. No folder is created for it. */
async function lacksCheckpoint({ out, resume }: CheckedTrainOptions): Promise<boolean> {
  if (out !== undefined || resume === undefined || isFile(resume)) return false
  return !holdsRun(await readdir(resume).catch(() => []))
}

/** The run folder: the given one, or that of the run to continue. */
export function outOf({ out, resume }: CheckedTrainOptions): string | null {
  if (out !== undefined) return out
  return resume === undefined ? null : folderOf(resume)
}

function holdsBase(out: string): NanoGptError {
  return new NanoGptError('run_exists', {
    where: 'train',
    option: 'out',
    value: out,
    reason: 'it contains the model that the adapters are trained on, which they need afterwards',
    remedy: 'give another folder',
  })
}

function holdsForeign(out: string, foreign: string): NanoGptError {
  return new NanoGptError('foreign_files', {
    where: 'train',
    option: 'out',
    value: out,
    reason: `it contains ${foreign}, which no run wrote`,
    remedy:
      'give an empty folder, or one that does not exist yet, so that none of your files are overwritten',
  })
}

/** stat fails for a path that is too long or leads through a file. */
function statOf(out: string) {
  try {
    return statSync(out, { throwIfNoEntry: false })
  } catch (cause) {
    throw unusable(out, cause)
  }
}

function unusable(out: string, cause: unknown): NanoGptError {
  return new NanoGptError(
    'write_failed',
    { where: 'train', option: 'out', value: out, reason: reasonOf(cause), remedy: 'give another folder' },
    { cause },
  )
}

/**
 * A run resumed from a checkpoint with another name would overwrite last.safetensors in the same
 * folder.
 */
function refuseOtherLast(resume: string | undefined): void {
  if (resume === undefined || basename(resume) === files.last || !isFile(resume)) return
  const last = join(folderOf(resume), files.last)
  if (!existsSync(last)) return
  throw new NanoGptError('run_exists', {
    where: 'train',
    option: 'resume',
    value: resume,
    reason: `the run would overwrite ${last}`,
    remedy: say`give a new folder as ${option('out')}`,
  })
}

const holdsRun = (names: readonly string[]) => names.some(isCheckpointName)

/** The names in a folder. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    throw unusable(folder, cause)
  }
}

/**
 * In a folder without checkpoints: the name of a file that no run wrote. A run that ended before
 * its first checkpoint leaves config.json and possibly text.txt. Hidden files are ignored.
 */
async function foreignFile(folder: string, names: readonly string[]): Promise<string | undefined> {
  const isRun = names.includes(configFile) && isOfRun(await readConfig(folder))
  return names.find((name) => !name.startsWith('.') && !(isRun && isOfRunFolder(name)))
}

/** The config.json of a folder; undefined if it cannot be read. */
async function readConfig(folder: string): Promise<unknown> {
  try {
    const bytes = await readSmallFile(join(folder, configFile), longestConfig)
    return parseJson(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}

/**
 * Options that the config.json of a run always has. A hand-written file, or one of another tool,
 * does not have all of them.
 */
const ofEveryRun = [
  'steps',
  'batchSize',
  'seed',
  'device',
  'beta1',
  'evalBatches',
] as const satisfies TrainName[]

/** Whether a run, and not a person, wrote a config. A run stores every option explicitly. */
export function isOfRun(config: unknown): boolean {
  return ofEveryRun.every((name) => Object.hasOwn(Object(config), name))
}

/**
 * Removes the files of the former run in a folder, and nothing else. config.json is the last one, so
 * that a folder in which this was interrupted still counts as that of a run.
 */
export async function removeRun(folder: string): Promise<void> {
  const keeps = await keepsText(folder)
  const names = (await readdir(folder).catch(() => [])).filter(
    (name) => isOfRunFolder(name) && (name !== textFile || keeps),
  )
  names.sort((a, b) => Number(a === configFile) - Number(b === configFile))
  for (const name of names) await rm(join(folder, name), { force: true })
}

/** Whether the run in a folder wrote its text.txt. */
async function keepsText(folder: string): Promise<boolean> {
  const { data } = Object(await readConfig(folder)) as { data?: unknown }
  return [data].flat().includes(textFile)
}

/** Whether `resume` (a folder, or a file in it) is the run in `out`. */
export function isRunOf(out: string, resume: string): boolean {
  // readCheckpoint() reports a missing file.
  if (!existsSync(resume)) return true
  return existsSync(out) && realpathSync(out) === realpathSync(folderOf(resume))
}

/** The run folder that `resume` names: the folder itself, or that of a checkpoint. */
export function folderOf(resume: string): string {
  return isFile(resume) ? dirname(resume) : resume
}

/** False for what cannot be examined, which readCheckpoint() reports. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}
