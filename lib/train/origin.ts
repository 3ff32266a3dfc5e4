// The origin of a run: new, a run to continue (`resume`), or the weights of another run (`from`).

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
      reason: 'it has no training state, so there is nothing to continue',
      remedy: 'give a run folder',
    })
  }
  return { how, checkpoint, begun: info }
}
