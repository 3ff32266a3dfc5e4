// The origin of a run: new, a run to continue (`resume`), or the weights of another run (`from`).

import { merged } from '../checkpoint/base'
import {
  type Change,
  type Checkpoint,
  type CheckpointInfo,
  type ModelInfo,
  readCheckpoint,
  type TrainingState,
} from '../checkpoint/checkpoint'
import { NanoGptError, option, say } from '../errors'
import { type CheckedTrainOptions, namesWhere, type TrainingConfig, type TrainingName } from '../options'
import { type Begun, resolveTraining } from './resolve'

export type Origin =
  | { readonly how: 'new'; readonly checkpoint?: undefined; readonly begun?: undefined }
  | { readonly how: 'resume' | 'from'; readonly checkpoint: Checkpoint; readonly begun: Begun }

/**
 * @param notice called with a sentence if a damaged checkpoint is passed over
 * @throws NanoGptError 'file_not_found', 'checkpoint', 'damaged_checkpoint', 'option', 'data'
 */
export async function readOrigin(
  { resume, from, blockSize, base, data, loraRank = 0 }: CheckedTrainOptions,
  notice: (message: string) => void,
): Promise<Origin> {
  if (resume !== undefined) {
    const checkpoint = await readCheckpoint(resume, 'last', notice, { base })
    const { info, path } = checkpoint
    if (isTrained(info)) return { how: 'resume', checkpoint, begun: info }
    throw new NanoGptError('checkpoint', {
      subject: path,
      reason: 'it has no training state, so there is nothing to continue',
      remedy: say`give a run folder, or ${option('from')} instead of ${option('resume')} to start a new run from its weights`,
    })
  }
  if (from !== undefined) {
    const checkpoint = merged(await readCheckpoint(from, 'best', notice, { blockSize, base }))
    const { info, path } = checkpoint
    if (isTrained(info)) return { how: 'from', checkpoint, begun: info }
    if (data !== undefined)
      return { how: 'from', checkpoint, begun: { model: info.model, ...asIfTrained(loraRank > 0) } }
    throw new NanoGptError('data', {
      where: 'train',
      subject: path,
      reason: 'it does not record a training text',
      remedy: say`give a text as ${option('data')}`,
    })
  }
  return { how: 'new' }
}

function isTrained(info: ModelInfo): info is CheckpointInfo {
  return info.training !== null
}

/**
 * The options of a new run from a model that no run trained, such as one from elsewhere: few careful
 * steps, with little memory.
 */
const fineTuning = {
  steps: 200,
  batchSize: 1,
  gradientAccumulationSteps: 8,
  learningRate: 5e-5,
  schedule: 'linear',
  weightDecay: 0,
  gradientClip: 1,
  evalInterval: 50,
  evalBatches: 10,
} as const satisfies Partial<TrainingConfig>

/** Adapters take about ten times the learning rate of all weights (Schulman et al., 2025). */
const learningRateOfAdapters = 10 * fineTuning.learningRate

/** A training of no steps. The new run has a text of its own, so this one's is never read. */
function asIfTrained(hasAdapters: boolean): TrainingState {
  return {
    training: resolveTraining(hasAdapters ? { learningRate: learningRateOfAdapters } : {}, fineTuning),
    step: 0,
    seed: '0',
    data: { name: '', digest: '', source: null, lineEndings: 'normalize' },
    device: '',
    best: null,
    done: { evaluation: null, sample: null },
    changes: [],
  }
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
