// What a run begins with: nothing, the run that it continues, or the weights of another.

import { dirname } from 'node:path'
import { type Checkpoint, readCheckpoint } from '../checkpoint/checkpoint'
import { NanoGptError } from '../errors'
import type { CheckedTrainOptions } from '../options'
import type { Begun } from './resolve'

export type Origin =
  | { readonly how: 'new'; readonly checkpoint?: undefined; readonly begun?: undefined }
  | { readonly how: 'resume' | 'from'; readonly checkpoint: Checkpoint; readonly begun: Begun }

/** @throws NanoGptError 'file_not_found', 'checkpoint' */
export async function readOrigin({ resume, from }: CheckedTrainOptions): Promise<Origin> {
  if (resume !== undefined) return beginWith('resume', await readCheckpoint(resume, 'last'))
  if (from !== undefined) return beginWith('from', await readCheckpoint(from, 'best'))
  return { how: 'new' }
}

function beginWith(how: 'resume' | 'from', checkpoint: Checkpoint): Origin {
  const { info, path } = checkpoint
  if (info.training === null) {
    throw new NanoGptError('checkpoint', {
      subject: path,
      reason: 'it is a model without a training, so there is nothing to continue',
      remedy: 'give the run folder of a training',
    })
  }
  return { how, checkpoint, begun: info }
}

/** Where a run saves: what was given, or the folder of the run that it continues. */
export function outOf({ out, resume }: CheckedTrainOptions, origin: Origin): string | null {
  if (out !== undefined) return out
  return origin.how === 'resume' ? folderOf(resume!, origin.checkpoint) : null
}

/** The run folder of the checkpoint that was given as `resume`. */
export function folderOf(resume: string, { path }: Checkpoint): string {
  return path === resume ? dirname(path) : resume
}
