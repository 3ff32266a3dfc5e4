// The files in a run folder that describe the run, and how to recognize them.

import { join } from 'node:path'
import * as v from 'valibot'
import { isCheckpointName, snapshotsFolder } from '../checkpoint/folder'
import { parseJson } from '../files/json'
import { readSmallFile } from '../files/read'
import { type ModelConfig, modelKinds } from '../model/config'
import type { StoredOptions, TrainingConfig, TrainName } from '../options'
import type { RunData } from './types'

/** The options of a run, with which it can be repeated. */
export const configFile = 'config.json'
/** What a run decided before its first step. */
export const planFile = 'plan.json'
/** What happened in a run, one line per event. */
export const metricsFile = 'metrics.jsonl'
/** A copy of a text that cannot be read again from its source: inline text, or a pipe. */
export const textFile = 'text.txt'
/** A page about the run. */
export const reportFile = 'report.html'

/** In bytes. config.json and plan.json have about 3000, and the paths of the texts. */
export const longestConfig = 1 << 20

/** Where a run that continues another one with a change came from. */
export const forkFile = 'fork.json'
/** The state with which such a run began. */
export const forkStart = 'fork.safetensors'

const ofRun = [
  ...[configFile, planFile, metricsFile, textFile, reportFile],
  ...[forkFile, forkStart, snapshotsFolder],
]

/** Whether a run writes files of this name. */
export function isOfRunFolder(name: string): boolean {
  return ofRun.includes(name) || isCheckpointName(name)
}

/**
 * Options that the config.json of a run always has. A hand-written file, or one of another tool,
 * does not have all of them.
 */
const ofEveryRun = [
  'steps',
  'batchSize',
  'seed',
  'device',
  'beta1',
  'evalBatches',
] as const satisfies TrainName[]

/** Whether a run, and not a person, wrote a config. A run stores every option explicitly. */
export function isOfRun(config: unknown): config is StoredOptions {
  return ofEveryRun.every((name) => Object.hasOwn(Object(config), name))
}

/** The config.json of a folder; undefined if it cannot be read. */
export function readConfigOf(folder: string): Promise<unknown> {
  return readJson(join(folder, configFile))
}

/** The parts of a plan that describe its run. */
export interface StoredPlan {
  readonly model: ModelConfig
  readonly parameters: number
  readonly tokenizer: string
  readonly training: TrainingConfig
  readonly data: RunData
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const perToken = v.pipe(v.number(), v.finite(), v.gtValue(0))
const plan = v.object({
  model: v.looseObject({ kind: v.picklist(modelKinds), vocabSize: size, blockSize: size }),
  parameters: count,
  tokenizer: v.string(),
  training: v.looseObject({ steps: count, batchSize: size, gradientAccumulationSteps: size }),
  data: v.looseObject({
    name: v.string(),
    digest: v.string(),
    source: v.nullable(v.union([v.string(), v.array(v.string())])),
    lineEndings: v.picklist(['normalize', 'keep']),
    field: v.optional(v.string()),
    separator: v.optional(v.string()),
    trainTokens: count,
    validationTokens: count,
    bytesPerToken: v.object({ train: perToken, validation: perToken }),
  }),
})

/** The plan.json of a folder; undefined if there is none, or no run wrote it. */
export async function readPlanOf(folder: string): Promise<StoredPlan | undefined> {
  const parsed = v.safeParse(plan, await readJson(join(folder, planFile)))
  return parsed.success ? (parsed.output as unknown as StoredPlan) : undefined
}

/** The value in a small JSON file; undefined if there is none. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return parseJson(Buffer.from(await readSmallFile(path, longestConfig)).toString())
  } catch {
    return undefined
  }
}
