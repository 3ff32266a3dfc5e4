// The plan of a run: everything that is decided before its first step, as plain data. Options,
// preset or checkpoint, text and device are resolved only here. The loop, the checkpoints and the
// header read the plan, never the options.

import { resolve as absolute } from 'node:path'
import { isHostDevice } from '../backend/names'
import type { DataInfo } from '../checkpoint/checkpoint'
import type { LargeText, Text } from '../data/corpus'
import { type Range, rangesOf, splitRanges } from '../data/split'
import { NanoGptError, option, say } from '../errors'
import { memoryOfMachine } from '../graph/memory'
import { textFile } from '../history/folder'
import type { ModelConfig } from '../model/config'
import type { Split } from '../model/programs'
import { type CheckedTrainOptions, seedToJSON, type TrainingConfig } from '../options'
import { createTokenizer, nameOf, tokenizerFromJSON } from '../tokenizer'
import { bytesPerToken } from '../tokenizer/bits'
import { distinctCharacters } from '../tokenizer/char'
import { bytesOf, type Corpus, partOf } from '../tokenizer/span'
import type { Tokenizer } from '../tokenizer/tokenizer'
import { chooseTokenizer } from './auto_tokenizer'
import { encodeText, type ReadOptions } from './encoded'
import type { EncodingEvent } from './events'
import { parametersOf, refuseTooLarge } from './memory'
import type { Origin } from './origin'
import { type Resolved, resolveFrom, resolveNew, resolveResumed } from './resolve'
import type { RunControl } from './run'
import { outOf } from './run_folder'
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
  /** The kind, or the absolute path of a tokenizer.json. */
  readonly tokenizer: string
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
  readonly corpus: Corpus
  readonly data: DataInfo
  readonly bytesPerToken: PlannedData['bytesPerToken']
  /** Reads a text that cannot be read again from its source, to copy it to the run folder. */
  readonly textToKeep: TextToKeep | undefined
  /** Frees what a text needs that cannot be read again. */
  [Symbol.dispose](): void
}

export type TextToKeep = () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>

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
  control: RunControl,
): Promise<Materials> {
  const reading = readingOf(options, control)
  const { text, info } = await findText(options, origin, reading('reading'))
  const dispose = () => ('text' in text ? undefined : text.dispose())
  try {
    const tokenizer =
      origin.how === 'new'
        ? await newTokenizer(options, text, control)
        : tokenizerFromJSON(origin.checkpoint.info.tokenizer)
    const corpus = await encode(tokenizer, text, origin, reading('encoding'))
    const { train, validation } = rangesOf(corpus.length)
    const perToken = ({ from, length }: Range) =>
      bytesPerToken(tokenizer, partOf(corpus, from, from + length))
    const textToKeep = () => ('text' in text ? [Buffer.from(text.text)] : text.chunks())
    return {
      origin,
      tokenizer,
      corpus,
      data: info,
      bytesPerToken: { train: await perToken(train), validation: await perToken(validation) },
      textToKeep: info.source === textFile ? textToKeep : undefined,
      [Symbol.dispose]: dispose,
    }
  } catch (error) {
    dispose()
    throw error
  }
}

function newTokenizer(
  options: CheckedTrainOptions,
  text: Text | LargeText,
  control: RunControl,
): Promise<Tokenizer> {
  const facts =
    'text' in text
      ? { characters: distinctCharacters(text.text), bytes: Buffer.byteLength(text.text) }
      : { characters: [...text.characters].length, bytes: text.bytes }
  const { tokenizer, vocabSize, why } = chooseTokenizer(options, facts)
  if (why) control.emit({ type: 'notice', step: 0, message: why })
  const read = 'text' in text ? text.text : tokenizer === 'char' ? text.characters : text.sample
  return createTokenizer(tokenizer, read, vocabSize)
}

/** At most this often, in milliseconds, the progress of a large text is an event. */
const millisecondsPerEvent = 200

function readingOf({ signal }: CheckedTrainOptions, control: RunControl) {
  const stop = signal ? AbortSignal.any([signal, control.stopped]) : control.stopped
  return (phase: EncodingEvent['phase']): ReadOptions => {
    const begun = performance.now()
    let next = begun + millisecondsPerEvent
    return {
      notice: (message) => control.emit({ type: 'notice', step: 0, message: say`${message}` }),
      progress(bytes, totalBytes) {
        // A short text is read to its end, and the run then stops before its first step.
        stop.throwIfAborted()
        const now = performance.now()
        if (now < next) return
        next = now + millisecondsPerEvent
        control.emit({ type: 'encoding', step: 0, phase, bytes, totalBytes, seconds: (now - begun) / 1000 })
      },
    }
  }
}

async function encode(
  tokenizer: Tokenizer,
  text: Text | LargeText,
  origin: Origin,
  reading: ReadOptions,
): Promise<Corpus> {
  try {
    return await encodeText(text, tokenizer, reading)
  } catch (error) {
    if (origin.how !== 'from') throw error
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
  const { origin, tokenizer, corpus, data, bytesPerToken } = materials
  const { model: sizes, training, seed } = resolve(options, origin)
  const model = { ...sizes, vocabSize: tokenizer.vocabSize } as ModelConfig
  const named = options.resume ?? options.from
  // A text that is too short is reported before a lack of memory.
  const { train, validation } = splitRanges(corpus.length, model.blockSize, origin.how === 'resume')
  if (isHostDevice(device)) refuseTooLarge(options, model, training, bytesOf(corpus), memoryOfMachine())
  return {
    begins: origin.how,
    checkpoint: named === undefined ? null : absolute(named),
    step: origin.how === 'resume' ? origin.begun.step : 0,
    model,
    parameters: parametersOf(model),
    tokenizer: nameOf(tokenizer),
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
