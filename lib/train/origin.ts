// The origin of a run: new, a run to continue (`resume`), or the weights of another run (`from`).

import { type Checkpoint, type CheckpointInfo, readCheckpoint } from '../checkpoint/checkpoint'
import { NanoGptError } from '../errors'
import type { CheckedTrainOptions } from '../options'
import type { Begun } from './resolve'
import { folderOf } from './run_folder'

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

/**
 * What is not as before for a resumed run, so that it doesn't end with the bits of an uninterrupted
 * run. Undefined: nothing that is known.
 *
 * @param now the checkpoint that the run would write now
 */
export function changesSince(origin: Origin, now: CheckpointInfo): string | undefined {
  if (origin.how !== 'resume') return undefined
  const { version } = origin.checkpoint.info
  const { device, instructionSet } = origin.begun
  // Which of several GPUs is no difference.
  const kind = (name: string) => name.replace(/:\d+$/, '')
  const pairs: [what: string, now: string | undefined, before: string | undefined][] = [
    ['version of nano-gpt', now.version, version],
    ['device', kind(now.device), kind(device)],
    ['instruction set', now.instructionSet, instructionSet],
  ]
  const changes = pairs
    .filter(([, a, b]) => a !== undefined && b !== undefined && a !== b)
    .map(([what, a, b]) => `another ${what} (${a} instead of ${b})`)
  if (changes.length === 0) return undefined
  return `the run continues with ${changes.join(' and ')}, so its results can differ from those of an uninterrupted run`
}

/** The run folder: the given one, or that of the run to continue. */
export function outOf({ out, resume }: CheckedTrainOptions, origin: Origin): string | null {
  if (out !== undefined) return out
  return origin.how === 'resume' ? folderOf(resume!) : null
}
