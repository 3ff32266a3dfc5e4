// A plan: everything that was decided about a run before its first step, as plain data. Options, preset or checkpoint, text and device are
// resolved once, here; the loop, the checkpoint and whoever shows the run read the plan and never the options.

import { existsSync } from 'node:fs'
import { totalmem } from 'node:os'
import { resolve as absolute, dirname } from 'node:path'
import { type Checkpoint, type DataInfo, type ModelInfo, readCheckpoint } from '../checkpoint/checkpoint'
import { type DataSource, loadText, type Text } from '../data/corpus'
import { splitTokens } from '../data/split'
import { inlineText, NanoGptError, option, type Phrase, say } from '../errors'
import type { ModelConfig } from '../model/config'
import { type CheckedTrainOptions, seedToJSON, type TrainingConfig, trainOptions } from '../options'
import { createTokenizer, tokenizerFromJSON } from '../tokenizer'
import type { Tokenizer, Tokens } from '../tokenizer/tokenizer'
import { parametersOf, refuseTooLarge } from './memory'
import { type Begun, type Resolved, resolveFrom, resolveNew, resolveResumed } from './resolve'
import { textFile } from './run_folder'

export interface Plan {
  /** A new run, one that continues, or a new one from the weights of another. */
  readonly begins: 'new' | 'resume' | 'from'
  /** The run folder or checkpoint that it begins with, if any. */
  readonly checkpoint: string | null
  /** Updates made before it begins: 0, but on `resume`. */
  readonly step: number
  readonly model: ModelConfig
  /** Learned numbers. */
  readonly parameters: number
  readonly tokenizer: string
  /** Every training option, resolved. */
  readonly training: TrainingConfig
  /** 64 bits: a number where JSON has it exactly, else digits. */
  readonly seed: number | string
  readonly data: PlannedData
  /** Never 'auto': 'cuda', 'cuda:1', 'metal', 'cpu', 'js'. */
  readonly device: string
  /** Threads of the native pool; null: one per core. */
  readonly threads: number | null
  /** null: the best this processor has. */
  readonly instructionSet: string | null
  /** The run folder; null: nothing is saved. */
  readonly out: string | null
  /** Steps that one native call makes; null: as many as take a moment. Results never depend on it. */
  readonly stepsPerCall: number | null
}

export interface PlannedData extends DataInfo {
  readonly trainTokens: number
  readonly validationTokens: number
}

/** What a run begins with: nothing, the run that it continues, or the weights of another. */
export type Origin =
  | { readonly how: 'new'; readonly checkpoint?: undefined; readonly begun?: undefined }
  | { readonly how: 'resume' | 'from'; readonly checkpoint: Checkpoint; readonly begun: Begun }

/** What a run is made from, whatever the device and the sizes. */
export interface Materials {
  readonly origin: Origin
  readonly tokenizer: Tokenizer
  readonly tokens: Tokens
  readonly data: DataInfo
  /** A text that can't be found again, to be kept in the run folder. */
  readonly textToKeep: string | undefined
}

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

/**
 * The model and the numbers that options and origin come to.
 *
 * @throws NanoGptError 'option'
 */
export function resolve(options: CheckedTrainOptions, origin: Origin): Resolved {
  if (origin.how === 'new') return resolveNew(options)
  if (origin.how === 'from') return resolveFrom(options, origin.begun)
  return resolveResumed(options, origin.begun, origin.checkpoint.path)
}

/**
 * Finds the text, and makes tokens of it.
 *
 * @throws NanoGptError for the text
 */
export async function gather(
  options: CheckedTrainOptions,
  origin: Origin,
  notice?: (message: string | Phrase) => void,
): Promise<Materials> {
  const begun = origin.how === 'new' ? undefined : origin.begun
  const lineEndings =
    origin.how === 'resume' || (options.data === undefined && begun && options.lineEndings === undefined)
      ? begun!.data.lineEndings
      : (options.lineEndings ?? trainOptions.lineEndings.default)
  const text = await loadText(sourcesOf(options, origin), { lineEndings, notice })
  if (origin.how === 'resume') refuseOtherText(text, origin)
  const tokenizer = begun
    ? tokenizerFromJSON((begun as ModelInfo).tokenizer)
    : createTokenizer(options.tokenizer ?? trainOptions.tokenizer.default, text.text)
  const out = outOf(options, origin)
  const source = sourceOf(options, origin, text, out)
  return {
    origin,
    tokenizer,
    tokens: encode(tokenizer, text.text, origin),
    data: {
      name: options.data === undefined && begun ? begun.data.name : text.name,
      digest: text.digest,
      source,
      lineEndings,
    },
    textToKeep: source === textFile && !holdsText(options, origin, out) ? text.text : undefined,
  }
}

/** Where the text of the run will be found again: where it was, or in the run folder if it is nowhere else. */
function sourceOf(
  options: CheckedTrainOptions,
  origin: Origin,
  text: Text,
  out: string | null,
): DataInfo['source'] {
  const inFolder = out === null ? null : textFile
  const before = origin.how === 'resume' ? origin.begun.data.source : null
  if (before !== null) return before === textFile ? inFolder : before
  const sources = text.parts.map((part) => part.source)
  // A text that another run's folder keeps may go with that folder.
  if (!isWhole(sources) || (options.data === undefined && origin.begun?.data.source === textFile))
    return inFolder
  return sources.length === 1 ? sources[0] : sources
}

function isWhole(sources: readonly (string | null)[]): sources is readonly string[] {
  return sources.every((source) => source !== null)
}

/** Whether a resumed run's folder has kept the text already. */
function holdsText(options: CheckedTrainOptions, origin: Origin, out: string | null): boolean {
  if (origin.how !== 'resume' || origin.begun.data.source !== textFile) return false
  const folder = folderOf(options.resume!, origin.checkpoint)
  return out !== null && absolute(out) === absolute(folder) && existsSync(absolute(folder, textFile))
}

/** What was given, or else what the checkpoint was trained on, or the default. */
function sourcesOf({ data }: CheckedTrainOptions, origin: Origin): readonly DataSource[] {
  if (data !== undefined) return data
  if (origin.how === 'new') return [trainOptions.data.default.words]
  const found = sourcesIn(origin.begun.data, origin.checkpoint.path)
  if (found) return found
  throw new NanoGptError('data', {
    where: 'train',
    subject: origin.checkpoint.path,
    reason: say`it was trained on a text given as ${inlineText}, which was not kept`,
    remedy:
      origin.how === 'resume'
        ? say`give the same text as ${option('data')} to continue`
        : say`give a text as ${option('data')}`,
  })
}

/** Where the text of a checkpoint is: beside it, if the run folder keeps it. Undefined: nowhere. */
export function sourcesIn({ source }: DataInfo, checkpoint: string): readonly string[] | undefined {
  if (source === null) return undefined
  return [source].flat().map((each) => (each === textFile ? absolute(dirname(checkpoint), textFile) : each))
}

/** A resumed run must be given the text that it began with, to the character. */
function refuseOtherText(text: Text, origin: Origin & { how: 'resume' | 'from' }): void {
  const { name, digest } = origin.begun.data
  if (text.digest === digest) return
  throw new NanoGptError('data', {
    where: 'train',
    subject: origin.checkpoint.path,
    reason:
      `it was trained on another text (${name}, sha256 ${digest.slice(0, 12)}…) than ${text.name} ` +
      `(sha256 ${text.digest.slice(0, 12)}…)`,
    remedy: say`give the text it began with as ${option('data')}, or start a new run with its weights: ${option('from')} instead of ${option('resume')}`,
  })
}

function encode(tokenizer: Tokenizer, text: string, origin: Origin): Tokens {
  if (origin.how !== 'from') return tokenizer.encode(text)
  try {
    return tokenizer.encode(text)
  } catch (error) {
    if (!(error instanceof NanoGptError) || error.code !== 'unknown_character') throw error
    throw error.with({
      remedy: say`its vocabulary is that of ${origin.checkpoint.path}. Train on a text without this character, or leave ${option('from')} out to start a new model`,
    })
  }
}

/** Where a run saves: what was given, or the folder of the run that it continues. */
export function outOf({ out, resume }: CheckedTrainOptions, origin: Origin): string | null {
  if (out !== undefined) return out
  return origin.how === 'resume' ? folderOf(resume!, origin.checkpoint) : null
}

function folderOf(resume: string, { path }: Checkpoint): string {
  return path === resume ? dirname(path) : resume
}

/**
 * The plan of a run on a device.
 *
 * @param options without the preset 'auto'
 * @throws NanoGptError 'option', 'data_too_short', 'out_of_memory'
 */
export function planOn(device: string, options: CheckedTrainOptions, materials: Materials): Plan {
  const { origin, tokenizer, tokens, data } = materials
  const { model: sizes, training, seed } = resolve(options, origin)
  const model = { ...sizes, vocabSize: tokenizer.vocabSize } as ModelConfig
  const named = options.resume ?? options.from
  const isOnHost = device === 'cpu' || device === 'js'
  if (isOnHost) refuseTooLarge(options, model, training, tokens.length, totalmem())
  const { train, validation } = splitTokens(tokens, model.blockSize, origin.how !== 'new')
  return {
    begins: origin.how,
    checkpoint: named === undefined ? null : absolute(named),
    step: origin.how === 'resume' ? origin.begun.step : 0,
    model,
    parameters: parametersOf(model),
    tokenizer: tokenizer.type,
    training,
    seed: seedToJSON(seed),
    data: { ...data, trainTokens: train.length, validationTokens: validation.length },
    device,
    threads: options.threads ?? null,
    instructionSet: options.instructionSet ?? null,
    out: outOf(options, origin),
    stepsPerCall: null,
  }
}
