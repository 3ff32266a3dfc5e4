// The plan of a run: everything that is decided before its first step, as plain data. Options,
// preset or checkpoint, text and device are resolved only here. The loop, the checkpoints and the
// header read the plan, never the options.

import { resolve as absolute } from 'node:path'
import { isHostDevice } from '../backend/names'
import type { DataInfo, ModelInfo } from '../checkpoint/checkpoint'
import { partsOf, splitTokens } from '../data/split'
import { NanoGptError, option, type Phrase, say } from '../errors'
import { memoryOfMachine } from '../graph/memory'
import type { ModelConfig } from '../model/config'
import type { Split } from '../model/programs'
import { type CheckedTrainOptions, seedToJSON, type TrainingConfig } from '../options'
import { createTokenizer, type TokenizerName, tokenizerFromJSON } from '../tokenizer'
import { bytesPerToken } from '../tokenizer/bits'
import type { Tokenizer, Tokens } from '../tokenizer/tokenizer'
import { chooseTokenizer } from './auto_tokenizer'
import { parametersOf, refuseTooLarge } from './memory'
import type { Origin } from './origin'
import { type Resolved, resolveFrom, resolveNew, resolveResumed } from './resolve'
import { outOf, textFile } from './run_folder'
import { findText } from './text'

export interface Plan {
  /** A new run, a resumed run, or a new run from the weights of another. */
  readonly begins: 'new' | 'resume' | 'from'
  /** The run folder or checkpoint that it starts from, if any. */
  readonly checkpoint: string | null
  /** The number of updates already made: 0 except with `resume`. */
  readonly step: number
  readonly model: ModelConfig
  /** The number of parameters. */
  readonly parameters: number
  readonly tokenizer: TokenizerName
  /** Every training option, resolved. */
  readonly training: TrainingConfig
  /** 64 bits: a number if it is a safe integer, otherwise a string of digits. */
  readonly seed: number | string
  readonly data: PlannedData
  /** The name of a device, never 'auto'. */
  readonly device: string
  /** Threads of the native pool; null: one per core. */
  readonly threads: number | null
  /** null: the best that this processor supports. */
  readonly instructionSet: string | null
  /** The run folder; null: nothing is saved. */
  readonly out: string | null
  /**
   * The number of steps per native call; null: as many as take about 0.05 s. Results do not depend
   * on it.
   */
  readonly stepsPerCall: number | null
}

export interface PlannedData extends DataInfo {
  readonly trainTokens: number
  readonly validationTokens: number
  /**
   * The bytes of UTF-8 per token of each split. A loss in nats per token, divided by ln 2 and by this
   * number, is in bits per byte.
   */
  readonly bytesPerToken: Readonly<Record<Split, number>>
}

/** The parts of a run that do not depend on the device or the sizes. */
export interface Materials {
  readonly origin: Origin
  readonly tokenizer: Tokenizer
  readonly tokens: Tokens
  readonly data: DataInfo
  readonly bytesPerToken: PlannedData['bytesPerToken']
  /** A text that cannot be read again from its source, to be copied to the run folder. */
  readonly textToKeep: string | undefined
}

/**
 * Resolves the model and the training options of a run.
 *
 * @throws NanoGptError 'option'
 */
export function resolve(options: CheckedTrainOptions, origin: Origin): Resolved {
  if (origin.how === 'new') return resolveNew(options)
  if (origin.how === 'from') return resolveFrom(options, origin.begun)
  return resolveResumed(options, origin.begun, origin.checkpoint.path)
}

/**
 * Loads the text and encodes it.
 *
 * @throws NanoGptError for the text
 */
export async function gather(
  options: CheckedTrainOptions,
  origin: Origin,
  notice?: (message: string | Phrase) => void,
): Promise<Materials> {
  const { text, info } = await findText(options, origin, notice)
  const tokenizer =
    origin.how === 'new'
      ? newTokenizer(options, text, notice)
      : tokenizerFromJSON((origin.begun as ModelInfo).tokenizer)
  const tokens = encode(tokenizer, text, origin)
  const { train, validation } = partsOf(tokens)
  const textToKeep = info.source === textFile ? text : undefined
  return {
    ...{ origin, tokenizer, tokens, data: info, textToKeep },
    bytesPerToken: {
      train: bytesPerToken(tokenizer, train),
      validation: bytesPerToken(tokenizer, validation),
    },
  }
}

function newTokenizer(
  options: CheckedTrainOptions,
  text: string,
  notice?: (message: Phrase) => void,
): Tokenizer {
  const { tokenizer, vocabSize, why } = chooseTokenizer(options, text)
  if (why) notice?.(why)
  return createTokenizer(tokenizer, text, vocabSize)
}

function encode(tokenizer: Tokenizer, text: string, origin: Origin): Tokens {
  if (origin.how !== 'from') return tokenizer.encode(text)
  try {
    return tokenizer.encode(text)
  } catch (error) {
    if (!(error instanceof NanoGptError) || error.code !== 'unknown_character') throw error
    throw error.with({
      remedy: say`The vocabulary is that of ${origin.checkpoint.path}. Train on a text without this character, or leave ${option('from')} out to start a new model, with ${option('tokenizer', 'byte')} for any text`,
    })
  }
}

/**
 * Makes the plan of a run on a device.
 *
 * @param options without the preset 'auto'
 * @throws NanoGptError 'option', 'data_too_short', 'out_of_memory'
 */
export function planOn(device: string, options: CheckedTrainOptions, materials: Materials): Plan {
  const { origin, tokenizer, tokens, data, bytesPerToken } = materials
  const { model: sizes, training, seed } = resolve(options, origin)
  const model = { ...sizes, vocabSize: tokenizer.vocabSize } as ModelConfig
  const named = options.resume ?? options.from
  // A text that is too short is reported before a lack of memory.
  const { train, validation } = splitTokens(tokens, model.blockSize, origin.how !== 'new')
  if (isHostDevice(device)) refuseTooLarge(options, model, training, tokens.length, memoryOfMachine())
  return {
    begins: origin.how,
    checkpoint: named === undefined ? null : absolute(named),
    step: origin.how === 'resume' ? origin.begun.step : 0,
    model,
    parameters: parametersOf(model),
    tokenizer: tokenizer.type,
    training,
    seed: seedToJSON(seed),
    data: { ...data, trainTokens: train.length, validationTokens: validation.length, bytesPerToken },
    device,
    threads: options.threads ?? null,
    instructionSet: options.instructionSet ?? null,
    out: outOf(options),
    stepsPerCall: null,
  }
}
