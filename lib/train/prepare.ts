// Prepares a plan for its first step: opens a session on its device, places the weights in the
// Store, and compiles the Programs.

import type { ModelParts } from '../api/model'
import { createModel } from '../architectures/create'
import { allocateAll } from '../backend/allocate'
import type { Session } from '../backend/backend'
import { openSession } from '../backend/devices'
import { baseOf } from '../checkpoint/base'
import type { Base, CheckpointInfo, Done } from '../checkpoint/checkpoint'
import { type Range, splitRanges } from '../data/split'
import { NanoGptError, option, say } from '../errors'
import type { Parameter } from '../graph/tensor'
import type { Split } from '../model/programs'
import { initializeWeights, loadTensors, loadWeights, weightTensors } from '../model/weights'
import { averageName } from '../optim/average'
import type { StoreTensor } from '../optim/optimizer'
import { stateTensors } from '../optim/update'
import type { TrainingConfig } from '../options'
import { type Seed, seedFrom } from '../random/philox'
import { bitsPerByte } from '../tokenizer/bits'
import type { Corpus } from '../tokenizer/span'
import { version } from '../version'
import { changesOf, type Origin } from './origin'
import type { Materials, Plan } from './plan'
import { Trainer } from './trainer'

/**
 * A model and its trainer. With averaged weights (`emaDecay`), the `ModelParts` are those of the
 * averaged model.
 */
export interface Prepared extends ModelParts {
  /** The parameters that are trained: all, or those of the adapters. */
  readonly trained: readonly Parameter[]
  readonly trainer: Trainer
  readonly corpus: Corpus
  readonly splits: Readonly<Record<Split, Range>>
  readonly info: CheckpointInfo
}

/**
 * The tensors of a checkpoint: the parameters that are trained, optimizer state, and averaged weights
 * if there are any.
 */
export function savedTensors(trained: readonly Parameter[], training: TrainingConfig): StoreTensor[] {
  return [...weightTensors(trained), ...stateTensors(trained, training)]
}

/** @throws NanoGptError for the checkpoint or the device; the session is then disposed */
export async function prepare(plan: Plan, { origin, tokenizer, corpus }: Materials): Promise<Prepared> {
  const { model: config, training } = plan
  const seed = seedFrom(BigInt(plan.seed))
  const splits = splitRanges(corpus.length, config.blockSize, origin.how === 'resume')
  const { model, parameters, trained } = createModel(config)
  const { device, threads, instructionSet } = plan
  const session = await openSession({
    device,
    threads: threads ?? undefined,
    instructionSet: instructionSet ?? undefined,
  })
  try {
    await placeWeights(session, { parameters, trained }, training, seed, origin)
    const used = training.emaDecay > 0 ? createModel(config, { averaged: true }) : { model, parameters }
    const base = config.lora && (await findBase(origin))
    const trainer = await Trainer.create({
      session,
      model,
      parameters: trained,
      evaluated: used.model,
      training,
      seed,
      corpus,
      splits,
    })
    return {
      session,
      architecture: used.model,
      parameters: used.parameters,
      tokenizer,
      trained,
      trainer,
      corpus,
      splits,
      info: {
        version,
        model: config,
        tokenizer: tokenizer.toJSON(),
        ...(base && { base }),
        training,
        step: plan.step,
        seed: String(plan.seed),
        data: dataOf(plan),
        device: session.device,
        ...(session.instructionSet !== undefined && { instructionSet: session.instructionSet }),
        ...progressOf(origin, plan),
      },
    }
  } catch (error) {
    await session.dispose()
    throw namingPrecision(error, training)
  }
}

/** The model that a run's adapters are trained on. */
async function findBase({ how, checkpoint }: Origin): Promise<Base | undefined> {
  return how === 'resume' ? checkpoint.info.base : checkpoint && baseOf(checkpoint)
}

/** Devices support every op in f32, so an unsupported Program is due to the precision. */
function namingPrecision(error: unknown, { precision }: TrainingConfig): unknown {
  const isAbout = error instanceof NanoGptError && error.code === 'unsupported' && precision !== 'f32'
  if (!isAbout) return error
  const remedy = say`leave it out, or give ${option('device', 'js')}, which emulates it slowly`
  return error.with({ where: 'train', option: 'precision', value: precision, remedy })
}

function dataOf({ data: { trainTokens: _, validationTokens: __, bytesPerToken: ___, ...data } }: Plan) {
  return data
}

/** The progress of a resumed run; a new run has none. */
function progressOf(
  origin: Origin,
  { training, data }: Plan,
): Pick<CheckpointInfo, 'best' | 'done' | 'changes'> {
  const nothing: Done = { evaluation: null, sample: null }
  if (origin.how !== 'resume') return { best: null, done: nothing, changes: [] }
  const { best, done, changes } = origin.begun
  // An estimate cannot be compared with the loss of the whole split.
  const isComparable = origin.begun.training.exactEvaluation === training.exactEvaluation
  const { validation } = data.bytesPerToken
  // Older checkpoints lack the bits per byte.
  const known = best && { ...best, valBitsPerByte: bitsPerByte(best.valLoss, validation) }
  return { best: isComparable ? known : null, done, changes: [...changes, ...changesOf(origin, training)] }
}

/**
 * Writes weights, optimizer state and averages to the Store: from the checkpoint, or initialized.
 */
export async function placeWeights(
  session: Session,
  { parameters, trained }: Readonly<Record<'parameters' | 'trained', readonly Parameter[]>>,
  training: TrainingConfig,
  seed: Seed,
  origin: Origin,
): Promise<void> {
  const frozen = parameters.filter(({ isFrozen }) => isFrozen)
  if (origin.how === 'resume') {
    const { checkpoint } = origin
    const lost = stateTensors(trained, training).find(({ name }) => !checkpoint.tensors.has(name))
    if (lost) {
      throw new NanoGptError('checkpoint', {
        subject: checkpoint.path,
        reason: `${lost.name} is missing: a file with weights only, as model.save() writes it, cannot be resumed`,
        remedy: say`start a new run from its weights: give ${option('from')} instead of ${option('resume')}`,
      })
    }
    if (checkpoint.base) await loadWeights(session, frozen, checkpoint.base)
    await loadTensors(session, savedTensors(trained, training), checkpoint)
    return
  }
  const isAdapted = frozen.length > 0
  if (origin.how === 'from') await loadWeights(session, isAdapted ? frozen : parameters, origin.checkpoint)
  if (origin.how === 'new' || isAdapted) await initializeWeights(session, trained, seed)
  await allocateAll(session, stateTensors(trained, training))
  if (training.emaDecay === 0) return
  // Before the first update the averages equal the weights.
  for (const { path } of trained) await session.write(averageName(path), await session.read(path))
}
