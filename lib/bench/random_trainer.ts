// Trainers with random weights on random tokens: the speed of a step depends on neither.

import { createModel } from '../architectures/create'
import { allocateAll } from '../backend/allocate'
import type { Session } from '../backend/backend'
import { type OpenOptions, openSession } from '../backend/devices'
import type { ModelConfig } from '../model/config'
import { initializeWeights } from '../model/weights'
import { stateTensors } from '../optim/update'
import type { TrainingConfig } from '../options'
import { seedFrom, word } from '../random/philox'
import { corpusOf } from '../tokenizer/span'
import { Trainer } from '../train/trainer'

export const seed = seedFrom(1337)
/** Tokens of a corpus, or more if a window is longer. */
const usualLength = 100_000
/** The vocabulary whose ids fit 16 bits. */
const mostIn16Bits = 2 ** 16

/** What decides the speed of a training step. */
export interface StepOf {
  readonly config: ModelConfig
  readonly training: TrainingConfig
}

/** The corpus of a model, as its Program sees it. */
export function corpusSpecOf({ vocabSize, blockSize }: ModelConfig) {
  const dtype = vocabSize <= mostIn16Bits ? 'u16' : 'u32'
  return { dtype, length: Math.max(usualLength, 2 * blockSize) } as const
}

/** Opens a trainer of a model, and the session that it needs. */
export async function openRandom(
  { config, training }: StepOf,
  options: OpenOptions,
): Promise<{ readonly session: Session; readonly trainer: Trainer }> {
  const { model, parameters, trained } = createModel(config)
  const session = await openSession(options)
  try {
    await initializeWeights(session, parameters, seed)
    await allocateAll(session, stateTensors(trained, training))
    const { dtype, length } = corpusSpecOf(config)
    const tokens = dtype === 'u16' ? new Uint16Array(length) : new Uint32Array(length)
    for (let i = 0; i < length; i++) tokens[i] = word(i, 0, 0, seed) % config.vocabSize
    const whole = { from: 0, length }
    const trainer = await Trainer.create({
      session,
      model,
      parameters: trained,
      training,
      seed,
      corpus: corpusOf(tokens),
      splits: { train: whole, validation: whole },
    })
    return { session, trainer }
  } catch (error) {
    await session.dispose()
    throw error
  }
}
