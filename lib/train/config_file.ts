// config.json in a run folder: the options of the run, all explicit, so that it can be run again to the same bits.

import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import * as v from 'valibot'
import type { CheckpointInfo } from '../checkpoint/checkpoint'
import { decodeUtf8 } from '../data/utf8'
import { NanoGptError, reasonOf } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import type { GptSizes } from '../nn'
import { checkOptions, defined, pick } from '../options'
import {
  type CheckedOptions,
  checkTogether,
  dropouts,
  fixedByFrom,
  samplingDefaults,
  trainOptionSchemas,
} from './options'
import { defaultsBeside, withoutUnused } from './update_options'

const fileName = 'config.json'

/** What belongs to one call of `train`, not to a configuration. */
const notInFiles = ['out', 'resume', 'config', 'signal'] as const

const seedRange = 'must be a whole number from 0 to 2^53 - 1, or a string of digits that is less than 2^64'

const { out: _, resume: __, config: ___, signal: ____, ...shared } = trainOptionSchemas

const digits = v.pipe(
  v.string(),
  v.check((text) => /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n, seedRange),
  v.transform((text) => BigInt(text)),
)

const schema = v.strictObject({
  ...shared,
  data: v.optional(v.string('must be a corpus name or a path')),
  /** JSON has no Infinity: null is no clipping. */
  gradientClip: v.optional(v.nullable(shared.gradientClip.wrapped)),
  /** JSON's numbers end at 2^53: larger ones are strings. */
  seed: v.optional(v.union([digits, shared.seed.wrapped], seedRange)),
})

/** Options of `train()` as JSON holds them. */
export type StoredOptions = v.InferInput<typeof schema>

/** The options with which `train()` makes this run again. A text that was given as `{ text }` is not among them. */
export function storedOptions(info: CheckpointInfo, options: CheckedOptions): StoredOptions {
  const { kind, vocabSize: _, ...rest } = info.model
  const sizes: Partial<GptSizes> = rest
  const { gradientClip, ...training } = withoutUnused(info.training)
  const { from, checkpointInterval, instructionSet } = options
  const seed = Number(info.seed)
  return defined({
    ...(from === undefined ? { preset: kind, ...sizes } : { from: resolve(from), ...pick(sizes, dropouts) }),
    data: info.data.source ?? undefined,
    ...training,
    // Left out, it would be that of the preset or the checkpoint.
    gradientClip,
    sampleInterval: options.sampleInterval ?? samplingDefaults.sampleInterval,
    sampleTokens: options.sampleTokens ?? samplingDefaults.sampleTokens,
    checkpointInterval,
    exactEvaluation: options.exactEvaluation ?? samplingDefaults.exactEvaluation,
    seed: Number.isSafeInteger(seed) ? seed : info.seed,
    device: info.device,
    instructionSet,
  })
}

/** Writes config.json into a run folder, which is made if it isn't there. */
export async function writeConfig(folder: string, options: StoredOptions): Promise<void> {
  await makeFolder(folder)
  await writeFileAtomic(join(folder, fileName), [Buffer.from(`${JSON.stringify(options, null, 2)}\n`)])
}

/**
 * The options with those of the file that `config` names as their defaults.
 *
 * @returns `config` is then the path of the file
 * @throws NanoGptError 'config' naming the file and what is wrong in it, 'file_not_found', 'data' if neither names a text
 */
export async function withConfig(options: CheckedOptions): Promise<CheckedOptions> {
  if (options.config === undefined) return options
  const config = await locate(options.config)
  const given = defined(options)
  const stored = await readConfig(config)
  // A model to begin with that was named here decides what the file can't know.
  if (given.from !== undefined) for (const name of fixedByFrom) delete stored[name]
  const merged = { ...defaultsBeside(given, stored), ...given, config }
  if (merged.data === undefined) {
    throw new NanoGptError(
      'data',
      `train: ${config} names no text (one that is given as { text } isn't kept): give it as \`data\``,
    )
  }
  try {
    checkTogether(merged)
  } catch (error) {
    throw namingConfig(error, merged)
  }
  return merged
}

/** An error about options says where those came from that were not given. */
export function namingConfig(error: unknown, { config }: CheckedOptions): unknown {
  const about = ['option', 'device', 'data_not_found', 'file_not_found', 'data_too_short']
  if (config === undefined || !(error instanceof NanoGptError) || !about.includes(error.code)) return error
  const message = `${error.message} (options that were not given are those of ${config})`
  return new NanoGptError(error.code, message, { cause: error })
}

async function locate(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  if (!found) {
    throw new NanoGptError(
      'file_not_found',
      `there is no ${path}, which \`config\` names: give a run folder or a JSON file`,
    )
  }
  if (!found.isDirectory()) return path
  const file = join(path, fileName)
  if (await stat(file).catch(() => undefined)) return file
  throw new NanoGptError(
    'file_not_found',
    `the folder ${path} holds no ${fileName}: is it the \`out\` of a run? \`config\` takes such a folder or a JSON file`,
  )
}

async function readConfig(file: string): Promise<Partial<CheckedOptions>> {
  const value = await readJson(file)
  try {
    refuseByName(file, value)
    const { gradientClip, ...options } = checkOptions(file, schema, value)
    const clip = gradientClip === null ? { gradientClip: Infinity } : defined({ gradientClip })
    const checked = { ...options, ...clip }
    checkTogether(checked)
    return checked
  } catch (error) {
    if (!(error instanceof NanoGptError) || error.code !== 'option') throw error
    // Not 'option': what is wrong stands in the file, not in the call.
    throw new NanoGptError('config', error.message.replace(/^train: /, `${file}: `), { cause: error })
  }
}

async function readJson(file: string): Promise<unknown> {
  const bytes = await readFile(file).catch((cause) => {
    throw new NanoGptError('read_failed', `cannot read ${file}: ${reasonOf(cause)}`, { cause })
  })
  const text = decodeUtf8(bytes, file)
  try {
    return JSON.parse(text)
  } catch (cause) {
    const remedy = `correct it there; \`config\` takes a run folder or a JSON file with options of train()`
    throw new NanoGptError('config', `${file} is not valid JSON (${reasonOf(cause)}): ${remedy}`, { cause })
  }
}

function refuseByName(file: string, value: unknown): void {
  const name = notInFiles.find((key) => Object.hasOwn(Object(value), key))
  if (name === undefined) return
  const remedy =
    name === 'config'
      ? 'copy the options of that file into this one'
      : `remove it there, and give \`${name}\` itself`
  throw new NanoGptError('config', `${file}: ${name} has no place in a config file; ${remedy}`)
}
