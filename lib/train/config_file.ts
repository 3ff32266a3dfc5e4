// config.json in a run folder: the options of the run, all explicit, so that it can be run again to the same bits.

import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { corpusNames } from '../data/corpus'
import { isStandardInput } from '../data/read'
import { decodeUtf8 } from '../data/utf8'
import { type ErrorCode, NanoGptError, option, reasonOf, say } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import {
  type CheckedTrainOptions,
  checkOptions,
  defined,
  namesWhere,
  pick,
  renamed,
  type TrainOptions,
  trainOptions,
} from '../options'
import type { Plan } from './plan'
import { appliedTraining, keptByFrom, refuseContradictions, withoutReplaced } from './resolve'
import { configFile, isOfRun, textFile } from './run_folder'

/** What belongs to one call of `train`, not to a configuration. */
const perCall = namesWhere((row) => !!row.perCall)

/** Options of `train()` as JSON holds them. */
export type StoredOptions = Omit<TrainOptions, 'resume' | 'config' | 'out' | 'overwrite' | 'signal'>

/** The options with which `train()` makes this run again. A text that can't be found again is not among them. */
export function storedOptions(plan: Plan): StoredOptions {
  const { kind, vocabSize: _, ...sizes } = plan.model
  const begun: Partial<TrainOptions> =
    plan.begins === 'from'
      ? {
          from: plan.checkpoint!,
          ...pick(
            sizes as unknown as Record<string, never>,
            Object.keys(sizes).filter((name) => !keptByFrom.some((kept) => kept === name)),
          ),
        }
      : { preset: kind, tokenizer: plan.tokenizer as 'char', ...sizes }
  const { gradientClip } = plan.training
  return defined({
    ...begun,
    data: (plan.data.source ?? undefined) as string,
    lineEndings: plan.data.lineEndings,
    ...appliedTraining(plan.training),
    // Left out, it would be that of the preset or the checkpoint.
    gradientClip,
    seed: plan.seed,
    device: plan.device as 'cpu',
    instructionSet: (plan.instructionSet ?? undefined) as 'avx2',
  })
}

/** Writes config.json into a run folder, which is made if it isn't there. */
export async function writeConfig(folder: string, options: StoredOptions): Promise<void> {
  await makeFolder(folder)
  await writeFileAtomic(join(folder, configFile), [Buffer.from(`${JSON.stringify(options, null, 2)}\n`)])
}

/**
 * The options with those of the file that `config` names as their defaults.
 *
 * @returns `config` is then the path of the file
 * @throws NanoGptError 'config' naming the file and what is wrong in it, 'file_not_found', 'data' if neither names a text
 */
export async function withConfig(given: CheckedTrainOptions): Promise<CheckedTrainOptions> {
  if (given.config === undefined) return given
  const config = await locate(given.config)
  const stored = await readConfig(config)
  // A model to begin with that was named here decides what the file can't know.
  if (given.from !== undefined) for (const name of keptByFrom) delete stored[name]
  const merged = { ...withoutReplaced(given, stored), ...given, config }
  if (merged.data === undefined) {
    throw new NanoGptError('data', {
      subject: config,
      reason: 'it names no text, as the text of its run could not be kept',
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

/** What can go wrong while a run trains, whatever its options. */
const ofTraining: readonly ErrorCode[] = [
  'cancelled',
  'device_lost',
  'disposed',
  'non_finite',
  'write_failed',
]

/** An error says where the options came from that were not given. */
export function namingConfig(error: unknown, { config }: CheckedTrainOptions): unknown {
  if (config === undefined || !(error instanceof NanoGptError)) return error
  return error.file !== undefined || ofTraining.includes(error.code) ? error : error.with({ config })
}

async function locate(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
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
  if (await stat(file).catch(() => undefined)) return file
  throw new NanoGptError('file_not_found', {
    where: 'train',
    option: 'config',
    value: path,
    reason: `the folder holds no ${configFile}`,
    remedy: say`is it the ${option('out')} of a run? Give such a folder, or a JSON file`,
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
    // Not 'option': what is wrong stands in the file, where it is called as it is in code, and not in the call.
    const { reason, remedy } = error
    throw error.with({ file, reason, ...(remedy !== undefined && { remedy }) }, 'config')
  }
}

/** What a run's file lacks that was written before there was such a choice, is what it was then. */
function withOlderDefaults(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const options = renamed(trainOptions, value as Readonly<Record<string, unknown>>)
  return isOfRun(value) ? { lineEndings: 'keep', ...options } : options
}

/** The text that a run keeps stands beside its file, and so may another that is named there, wherever the folder was moved to. */
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

/** What names no file: a corpus, or standard input. */
const isElsewhere = (source: string) => corpusNames.includes(source) || isStandardInput(source)

async function readJson(file: string): Promise<unknown> {
  const bytes = await readFile(file).catch((cause) => {
    throw new NanoGptError(
      'read_failed',
      { subject: file, reason: `it can't be read: ${reasonOf(cause)}`, remedy: 'check its permissions' },
      { cause },
    )
  })
  const text = textOf(bytes, file)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new NanoGptError(
      'config',
      {
        subject: file,
        reason: `it is not valid JSON (${reasonOf(cause)})`,
        remedy: say`correct it there; ${takesJson}`,
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
    reason: `${name} has no place in a config file`,
    remedy:
      name === 'config'
        ? 'copy the options of that file into this one'
        : say`remove it there, and give ${option(name)} itself`,
  })
}
