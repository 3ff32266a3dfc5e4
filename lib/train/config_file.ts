// config.json in a run folder: all options of the run, so that it can be repeated with the same
// bits.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { corpusNames } from '../data/corpus'
import { isStandardInput } from '../data/read'
import { decodeUtf8 } from '../data/utf8'
import { type ErrorCode, NanoGptError, option, reasonOf, say } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import { parseJson } from '../files/json'
import { readSmallFile, statOf } from '../files/read'
import { configFile, isOfRun, longestConfig, textFile } from '../history/folder'
import {
  type CheckedTrainOptions,
  checkOptions,
  defined,
  namesWhere,
  pick,
  renamed,
  type StoredOptions,
  type TrainOptions,
  trainOptions,
} from '../options'
import type { Plan } from './plan'
import { appliedTraining, isFor, keptByFrom, refuseContradictions, withoutReplaced } from './resolve'

/** Options that belong to one call of `train` and not to a configuration. */
const perCall = namesWhere((row) => !!row.perCall)

/** The options that repeat a run. `data` is absent if the text cannot be read again. */
export function storedOptions(plan: Plan): StoredOptions {
  const { kind, vocabSize, ...sizes } = plan.model
  const begun: Partial<TrainOptions> =
    plan.begins === 'from'
      ? {
          from: plan.checkpoint!,
          ...pick(
            sizes as unknown as Record<string, never>,
            Object.keys(sizes).filter((name) => !keptByFrom.some((kept) => kept === name)),
          ),
        }
      : {
          preset: kind,
          tokenizer: plan.tokenizer,
          ...(isFor(trainOptions.vocabSize, { tokenizer: plan.tokenizer }) && { vocabSize }),
          ...sizes,
        }
  const { gradientClip } = plan.training
  return defined({
    ...begun,
    data: (plan.data.source ?? undefined) as string,
    lineEndings: plan.data.lineEndings,
    field: plan.data.field,
    separator: plan.data.separator,
    ...appliedTraining(plan.training),
    // Null (no limit) must be stored: without it, the preset or the checkpoint would decide.
    gradientClip,
    seed: plan.seed,
    device: plan.device as 'cpu',
    instructionSet: (plan.instructionSet ?? undefined) as 'avx2',
  })
}

/** Writes config.json into a run folder, and creates the folder if necessary. */
export async function writeConfig(folder: string, options: StoredOptions): Promise<void> {
  await makeFolder(folder)
  await writeFileAtomic(join(folder, configFile), [Buffer.from(`${JSON.stringify(options, null, 2)}\n`)])
}

/**
 * Adds the options in the file that `config` names. The given options override them.
 *
 * @returns options in which `config` is the path of the file
 * @throws NanoGptError 'config' with the file and what is wrong in it, 'file_not_found', 'data' if
 *   neither names a text
 */
export async function withConfig(given: CheckedTrainOptions): Promise<CheckedTrainOptions> {
  if (given.config === undefined) return given
  const config = await locate(given.config)
  const stored = await readConfig(config)
  // With `from`, the checkpoint decides these options, whatever the file says.
  if (given.from !== undefined) for (const name of [...keptByFrom, 'blockSize'] as const) delete stored[name]
  const merged = { ...withoutReplaced(given, stored), ...given, config }
  if (merged.data === undefined) {
    throw new NanoGptError('data', {
      subject: config,
      reason: 'it names no text, because the text of its run was not saved',
      remedy: say`give it as ${option('data')}`,
    })
  }
  try {
    refuseContradictions(merged)
  } catch (error) {
    throw namingConfig(error, merged)
  }
  return merged
}

/** Errors during training that do not depend on the options. */
const ofTraining: readonly ErrorCode[] = [
  'cancelled',
  'device_lost',
  'disposed',
  'non_finite',
  'write_failed',
]

/** Names the config file in an error, because the wrong option may come from it. */
export function namingConfig(error: unknown, { config }: CheckedTrainOptions): unknown {
  if (config === undefined || !(error instanceof NanoGptError)) return error
  return error.file !== undefined || ofTraining.includes(error.code) ? error : error.with({ config })
}

async function locate(path: string): Promise<string> {
  const found = await statOf(path)
  if (!found) {
    throw new NanoGptError('file_not_found', {
      where: 'train',
      option: 'config',
      value: path,
      reason: 'there is no such file or folder',
      remedy: 'give a run folder or a JSON file',
    })
  }
  if (!found.isDirectory()) return path
  const file = join(path, configFile)
  if (await statOf(file)) return file
  throw new NanoGptError('file_not_found', {
    where: 'train',
    option: 'config',
    value: path,
    reason: `the folder contains no ${configFile}`,
    remedy: say`give a run folder (the ${option('out')} of a run) or a JSON file`,
  })
}

async function readConfig(file: string): Promise<CheckedTrainOptions> {
  const value = await readJson(file)
  const misplaced = perCall.find((name) => Object.hasOwn(Object(value), name))
  if (misplaced !== undefined) throw hasNoPlace(misplaced, file)
  try {
    const checked = checkOptions('train', trainOptions, withOlderDefaults(value))
    const inline = checked.data?.find((source) => typeof source !== 'string')
    if (inline !== undefined) {
      throw new NanoGptError('option', {
        option: 'data',
        value: inline,
        reason: 'must be a corpus name or a path',
      })
    }
    refuseContradictions(checked)
    return besideFile(checked, file)
  } catch (error) {
    if (!(error instanceof NanoGptError) || error.code !== 'option') throw error
    // 'config' instead of 'option': the mistake is in the file, which uses the library's names, and
    // not in the call.
    const { reason, remedy } = error
    throw error.with({ file, reason, ...(remedy !== undefined && { remedy }) }, 'config')
  }
}

/** Options missing from the config.json of an older version get the defaults of that version. */
function withOlderDefaults(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const options = renamed(trainOptions, value as Readonly<Record<string, unknown>>)
  return isOfRun(value) ? { lineEndings: 'keep', ...options } : options
}

/**
 * Resolves text.txt, and other plain file names, relative to the config file, so that a run folder
 * can be moved.
 */
function besideFile(options: CheckedTrainOptions, file: string): CheckedTrainOptions {
  const { data, ...rest } = options
  if (data === undefined) return rest
  const found = data.map((source) => {
    if (typeof source !== 'string' || /[\\/]/.test(source) || isElsewhere(source)) return source
    const beside = join(dirname(file), source)
    if (source === textFile && isOfRun(options)) return { kept: beside }
    return existsSync(beside) ? beside : source
  })
  return { ...rest, data: found }
}

/** Whether a source is not a file: a corpus, or standard input. */
const isElsewhere = (source: string) => corpusNames.includes(source) || isStandardInput(source)

async function readJson(file: string): Promise<unknown> {
  const text = textOf(await readSmallFile(file, longestConfig), file)
  try {
    return parseJson(text)
  } catch (cause) {
    throw new NanoGptError(
      'config',
      {
        subject: file,
        reason: `it is not valid JSON (${reasonOf(cause)})`,
        remedy: say`correct the file; ${takesJson}`,
      },
      { cause },
    )
  }
}

const takesJson = say`${option('config')} takes a run folder or a JSON file with options of train()`

function textOf(bytes: Uint8Array, file: string): string {
  try {
    return decodeUtf8(bytes, file)
  } catch (error) {
    throw error instanceof NanoGptError ? error.with({ remedy: takesJson }, 'config') : error
  }
}

function hasNoPlace(name: string, file: string): NanoGptError {
  return new NanoGptError('config', {
    file,
    reason: `${name} cannot be set in a config file`,
    remedy:
      name === 'config'
        ? 'copy the options of that file into this one'
        : say`remove it from the file, and give ${option(name)} in the call`,
  })
}
