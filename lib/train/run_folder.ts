// The folder of a run: one run each, and nothing of anyone else's is written over.

import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { files } from '../checkpoint/checkpoint'
import { call, NanoGptError, option, reasonOf, say } from '../errors'
import type { CheckedTrainOptions, TrainName } from '../options'

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
      reason: 'it is a file, and a run needs a folder',
      remedy: 'give the path of a folder that is empty or not there',
    })
  }
  if (holdsRun(out)) {
    if (resume !== undefined && isRunOf(out, resume)) return
    if (overwrite) {
      if (existsSync(join(out, textFile)) && !keepsText(out)) throw holdsForeign(out, textFile)
      return
    }
    throw new NanoGptError('run_exists', {
      where: 'train',
      option: 'out',
      value: out,
      reason: 'it already holds a run',
      remedy: say`give another folder, replace it with ${option('overwrite', true)}, or continue it: ${call('train', { resume: out })}`,
    })
  }
  const foreign = foreignFile(out)
  if (foreign !== undefined) throw holdsForeign(out, foreign)
}

function holdsForeign(out: string, foreign: string): NanoGptError {
  return new NanoGptError('foreign_files', {
    where: 'train',
    option: 'out',
    value: out,
    reason: `it holds ${foreign}, which no run wrote`,
    remedy: 'give a folder that is empty or not there, so that nothing of yours is overwritten',
  })
}

/** A path too long, or through a file, is no folder either. */
function statOf(out: string) {
  try {
    return statSync(out, { throwIfNoEntry: false })
  } catch (cause) {
    throw new NanoGptError(
      'write_failed',
      { where: 'train', option: 'out', value: out, reason: reasonOf(cause), remedy: 'give another folder' },
      { cause },
    )
  }
}

/** A checkpoint of another name has no folder of its own: the run would write over the last one that lies beside it. */
function refuseOtherLast(resume: string | undefined): void {
  if (resume === undefined || basename(resume) === files.last) return
  if (!statSync(resume, { throwIfNoEntry: false })?.isFile()) return
  const last = join(dirname(resume), files.last)
  if (!existsSync(last)) return
  throw new NanoGptError('run_exists', {
    where: 'train',
    option: 'resume',
    value: resume,
    reason: `the run would write over ${last}`,
    remedy: say`give a new folder as ${option('out')}`,
  })
}

export function holdsRun(folder: string): boolean {
  return checkpoints.some((name) => existsSync(join(folder, name)))
}

/** What stands in a folder that has no checkpoint and isn't what a run left that ended before its first. Hidden files don't count. */
function foreignFile(folder: string): string | undefined {
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'))
  const isRun = names.includes(configFile) && isOfRun(readConfig(join(folder, configFile)))
  return names.find((name) => !(isRun && ours.includes(name)))
}

/** Undefined if it can't be read. */
function readConfig(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** Options that a run's own file always has. Together nobody writes them by hand, and no other tool has them. */
const ofEveryRun = [
  'steps',
  'batchSize',
  'seed',
  'device',
  'beta1',
  'evalBatches',
] as const satisfies TrainName[]

/** Whether a config is a run's own, with every option explicit, and not one that somebody wrote by hand. */
export function isOfRun(config: unknown): boolean {
  return ofEveryRun.every((name) => Object.hasOwn(Object(config), name))
}

/** Removes what the former run in a folder wrote, and nothing else. */
export async function removeRun(folder: string): Promise<void> {
  const keeps = keepsText(folder)
  for (const name of ours) if (name !== textFile || keeps) await rm(join(folder, name), { force: true })
}

/** Whether the text in a run folder is the run's own. */
function keepsText(folder: string): boolean {
  const { data } = Object(readConfig(join(folder, configFile))) as { data?: unknown }
  return [data].flat().includes(textFile)
}

/** Whether `resume`, a folder or a file in it, is the run in `out`. */
export function isRunOf(out: string, resume: string): boolean {
  const found = statSync(resume, { throwIfNoEntry: false })
  // What can't be resumed is said by who reads it.
  if (!found) return true
  if (!existsSync(out)) return false
  return realpathSync(out) === realpathSync(found.isDirectory() ? resume : dirname(resume))
}
