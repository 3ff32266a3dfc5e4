// The run folder. It contains one run, and files that a run did not write are never overwritten.

import { existsSync, realpathSync, statSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { loadAddon } from '../backend/native/addon'
import { files, isCheckpointName, snapshotsFolder } from '../checkpoint/folder'
import { call, NanoGptError, option, reasonOf, say } from '../errors'
import { type FolderLock, lockFolder, refuseLocked } from '../files/lock'
import {
  configFile,
  forkFile,
  forkStart,
  isOfRun,
  isOfRunFolder,
  metricsFile,
  planFile,
  readConfigOf,
  readPlanOf,
  reportFile,
  textFile,
} from '../history/folder'
import { readFork } from '../history/fork'
import type { CheckedTrainOptions } from '../options'
import { isReport } from '../report/html'
import { isOfSnapshots, removeSnapshots } from './snapshots'

/**
 * Checks that a run may write into `out`.
 *
 * @throws NanoGptError 'run_exists' if it contains another run and `overwrite` was not given, or the one
 *   that new adapters need; 'foreign_files' if it contains other files; 'write_failed' if it is not a
 *   folder, or cannot be examined
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
    if (resume !== undefined) await refuseForeign(resume)
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
    const continues = resume !== undefined && isRunOf(out, resume)
    if (continues || overwrite) {
      if (!continues && loraRank > 0 && from !== undefined && isRunOf(out, from)) throw holdsBase(out)
      const foreign = (await notOfRun(out, names)).filter((name) => !continues || name !== textFile)
      if (foreign.length > 0) throw holdsForeign(out, foreign[0])
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

/** A run that continues would replace what others wrote under the names of its files. */
async function refuseForeign(resume: string): Promise<void> {
  const folder = folderOf(resume)
  const names = await readdir(folder).catch(() => []) // readCheckpoint() reports a missing folder.
  const foreign = (await notOfRun(folder, names)).find((name) => name !== textFile)
  if (foreign === undefined || !holdsRun(names)) return
  throw new NanoGptError('foreign_files', {
    where: 'train',
    option: 'resume',
    value: resume,
    reason: `its folder contains ${foreign}, which no run wrote`,
    remedy: say`move that file, or give another folder as ${option('out')}`,
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
 * its first checkpoint leaves config.json and possibly others. Hidden files are ignored.
 */
async function foreignFile(folder: string, names: readonly string[]): Promise<string | undefined> {
  const isRun = names.includes(configFile) && isOfRun(await readConfigOf(folder))
  const foreign = isRun ? await notOfRun(folder, names) : names
  return names.find((name) => !name.startsWith('.') && (foreign.includes(name) || !isOfRunFolder(name)))
}

/**
 * Removes the files of the former run in a folder, and nothing else. config.json is the last one, so
 * that a folder in which this was interrupted still counts as that of a run.
 */
export async function removeRun(folder: string): Promise<void> {
  const all = await readdir(folder).catch(() => [])
  const foreign = await notOfRun(folder, all)
  const names = all.filter((name) => isOfRunFolder(name) && !foreign.includes(name))
  const last = [forkFile, planFile, configFile]
  names.sort((a, b) => last.indexOf(a) - last.indexOf(b))
  for (const name of names) {
    if (name === snapshotsFolder) await removeSnapshots(folder)
    else await rm(join(folder, name), { force: true })
  }
}

/**
 * The files of a run folder with names that a run gives, which others also give to theirs, and which
 * the run there did not write. It writes plan.json before metrics.jsonl, and both only if it keeps a
 * history.
 */
async function notOfRun(folder: string, names: readonly string[]): Promise<string[]> {
  const { data } = Object(await readConfigOf(folder)) as { data?: unknown }
  const hasText = [data].flat().includes(textFile)
  const hasPlan = names.includes(planFile) && (await readPlanOf(folder)) !== undefined
  const hasReport = names.includes(reportFile) && (await isReport(join(folder, reportFile)))
  const isFork = names.includes(forkFile) && (await readFork(folder)) !== undefined
  const hasSnapshots = names.includes(snapshotsFolder) && (await isOfSnapshots(join(folder, snapshotsFolder)))
  return names.filter(
    (name) =>
      (name === snapshotsFolder && !hasSnapshots) ||
      ([forkFile, forkStart].includes(name) && !isFork) ||
      (name === textFile && !hasText) ||
      ([planFile, metricsFile].includes(name) && !hasPlan) ||
      (name === reportFile && !hasReport),
  )
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
