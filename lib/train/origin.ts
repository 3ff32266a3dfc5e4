// The origin of a run: new, a run to continue (`resume`), or the weights of another run (`from`).

import { type Change, type Checkpoint, type CheckpointInfo, readCheckpoint } from '../checkpoint/checkpoint'
import { NanoGptError } from '../errors'
import { type CheckedTrainOptions, namesWhere, type TrainingConfig, type TrainingName } from '../options'
import type { Begun } from './resolve'

export type Origin =
  | { readonly how: 'new'; readonly checkpoint?: undefined; readonly begun?: undefined }
  | { readonly how: 'resume' | 'from'; readonly checkpoint: Checkpoint; readonly begun: Begun }

/**
 * @param notice called with a sentence if a damaged checkpoint is passed over
 * @throws NanoGptError 'file_not_found', 'checkpoint', 'damaged_checkpoint'
 */
export async function readOrigin(
  { resume, from }: CheckedTrainOptions,
  notice: (message: string) => void,
): Promise<Origin> {
  if (resume !== undefined) return beginWith('resume', await readCheckpoint(resume, 'last', notice))
  if (from !== undefined) return beginWith('from', await readCheckpoint(from, 'best', notice))
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

const recorded = namesWhere(({ resume }) => resume === 'records') as TrainingName[]

/** The options that a resumed run changes, as its checkpoints record them. */
export function changesOf(origin: Origin, training: TrainingConfig): Change[] {
  if (origin.how !== 'resume') return []
  const { training: before, step } = origin.begun
  return recorded
    .filter((name) => before[name] !== training[name])
    .map((name) => ({ step, option: name, from: before[name], to: training[name] }))
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
