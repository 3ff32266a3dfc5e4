// A checkpoint: one safetensors file with the weights, the optimizer's state and, under `nano_gpt` in its metadata, one JSON
// string with everything else that training needs to go on. docs/checkpoints.md describes it.

import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { NanoGptError } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import { precisions } from '../graph/program'
import { stageKinds } from '../model/config'
import type { TensorState } from '../model/weights'
import {
  activationNames,
  defaultVariants,
  initialNames,
  normNames,
  positionNames,
  type Variants,
} from '../nn'
import { notUsed, optimizerNames, scheduleNames } from '../optim/names'
import type { TokenizerJSON } from '../tokenizer/tokenizer'
import { readSafetensors, safetensorsChunks } from './safetensors'

/** Written by this version; others are refused by number. */
const format = 1

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const positive = v.pipe(v.number(), v.gtValue(0))
const wholeOrZero = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

const sizes = {
  vocabSize: count,
  blockSize: count,
  embed: count,
  heads: count,
  layers: count,
  dropout: fraction,
}

/** One that isn't there is the default: a file may be older than it. */
const variants = v.partial(
  v.object({
    positions: v.picklist(positionNames),
    norm: v.picklist(normNames),
    normGain: v.boolean(),
    activation: v.picklist(activationNames),
    qkNorm: v.boolean(),
    kvHeads: count,
    tiedEmbeddings: v.boolean(),
    logitCap: v.pipe(v.number(), v.minValue(0)),
    bias: v.boolean(),
    embeddingNorm: v.boolean(),
    attentionDropout: fraction,
    embeddingDropout: fraction,
    initial: v.picklist(initialNames),
  } satisfies Record<keyof Variants, unknown>),
)

const modelSchema = v.variant('kind', [
  v.object({ kind: v.picklist(stageKinds), ...sizes }),
  v.pipe(
    v.object({ kind: v.literal('gpt'), ...sizes, ...variants.entries }),
    v.transform((model) => ({ ...defaultVariants(model), ...model })),
  ),
])

const trainingSchema = v.object({
  /** Updates that the run was to make in all. */
  steps: count,
  batchSize: count,
  microBatches: count,
  learningRate: positive,
  beta1: fraction,
  beta2: fraction,
  epsilon: positive,
  weightDecay: v.number(),
  /** JSON has no Infinity: null is no clipping. */
  gradientClip: v.nullable(positive),
  evalInterval: count,
  evalBatches: count,
  // What there was not yet when older files were written is what it was then.
  optimizer: v.optional(v.picklist(optimizerNames), 'adamw'),
  momentum: v.optional(fraction, notUsed.momentum),
  momentumWarmup: v.optional(wholeOrZero, notUsed.momentumWarmup),
  nesterov: v.optional(v.boolean(), notUsed.nesterov),
  matrixLearningRate: v.optional(positive, notUsed.matrixLearningRate),
  schedule: v.optional(v.picklist(scheduleNames), 'constant'),
  warmup: v.optional(wholeOrZero, 0),
  minLearningRate: v.optional(fraction, notUsed.minLearningRate),
  decayPart: v.optional(fraction, notUsed.decayPart),
  precision: v.optional(v.picklist(precisions), 'f32'),
  /** Decay of the average of the weights; 0: there is none. */
  average: v.optional(fraction, 0),
})

const schema = v.object({
  format: v.literal(format),
  version: v.string(),
  model: modelSchema,
  training: trainingSchema,
  /** Read by `tokenizerFromJSON`, which checks the rest. */
  tokenizer: v.custom<TokenizerJSON>(
    (value) => typeof value === 'object' && value !== null,
    'must be an object',
  ),
  /** Updates made. */
  step: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** 64 bits, in decimal. */
  seed: v.pipe(v.string(), v.regex(/^\d{1,20}$/)),
  /** `source`: where the text is found again, a corpus's name or a path; null for a text that was given as such. */
  data: v.object({ name: v.string(), digest: v.string(), source: v.nullable(v.string()) }),
  device: v.string(),
  /** The lowest validation loss so far, and its step. */
  best: v.nullable(v.object({ step: v.number(), valLoss: v.number() })),
})

export type TrainingConfig = v.InferOutput<typeof trainingSchema>
export type CheckpointInfo = Omit<v.InferOutput<typeof schema>, 'format'>

export interface Checkpoint {
  readonly path: string
  readonly info: CheckpointInfo
  /** Parameters by path, the optimizer's state (`adamw/m/…`, `sgd/m/…`, `muon/m/…`) and averages (`average/…`). */
  readonly tensors: ReadonlyMap<string, TensorState>
}

/** File names in a run folder. */
export const files = { last: 'last.safetensors', best: 'best.safetensors' } as const

/** Writes a checkpoint so that a crash at any instant leaves the old file or the new one. */
export async function writeCheckpoint(
  path: string,
  info: CheckpointInfo,
  tensors: readonly TensorState[],
): Promise<void> {
  await makeFolder(dirname(path))
  const metadata = { format: 'nano-gpt', nano_gpt: JSON.stringify({ format, ...info }) }
  await writeFileAtomic(path, safetensorsChunks(tensors, metadata))
}

/**
 * Reads a checkpoint.
 *
 * @param path a file, or a run folder
 * @param prefer which of a folder's checkpoints: the one with the lowest validation loss, or the last. Default 'best'
 * @throws NanoGptError naming the file and what is wrong with it
 */
export async function readCheckpoint(path: string, prefer: 'best' | 'last' = 'best'): Promise<Checkpoint> {
  const file = await locate(path, prefer)
  const { tensors, metadata } = await readSafetensors(file).catch((error) => {
    throw unreadable(file, error)
  })
  if (metadata.nano_gpt === undefined) {
    throw new NanoGptError(
      'checkpoint',
      `${file} is a safetensors file, but not a checkpoint of nano-gpt: give one that train() or model.save() wrote`,
    )
  }
  return { path: file, info: parseInfo(file, metadata.nano_gpt), tensors }
}

const remedyForDamage = 'copy it again from where it came, or take another checkpoint of its run'

/** A file that is no safetensors file, or no longer a whole one: says what would be. */
function unreadable(file: string, error: unknown): unknown {
  if (!(error instanceof NanoGptError) || error.code !== 'safetensors') return error
  const remedy = file.endsWith('.safetensors')
    ? `If it was a checkpoint, ${remedyForDamage}`
    : 'A checkpoint is a run folder (the `out` of a run) or a .safetensors file'
  return new NanoGptError(error.code, `${error.message}${error.message.endsWith('?') ? '' : '.'} ${remedy}`, {
    cause: error,
  })
}

async function locate(path: string, prefer: 'best' | 'last'): Promise<string> {
  const kind = await stat(path).catch(() => undefined)
  if (!kind)
    throw new NanoGptError(
      'file_not_found',
      `there is no checkpoint at ${path}: give a run folder or a .safetensors file`,
    )
  if (!kind.isDirectory()) return path
  for (const name of prefer === 'best' ? [files.best, files.last] : [files.last]) {
    const candidate = join(path, name)
    if (await stat(candidate).catch(() => undefined)) return candidate
  }
  throw new NanoGptError(
    'file_not_found',
    `the folder ${path} holds no checkpoint (${files.last}): is it the \`out\` of a run?`,
  )
}

function parseInfo(file: string, json: string): CheckpointInfo {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new NanoGptError(
      'checkpoint',
      `${file} is damaged: its nano_gpt metadata is not JSON; ${remedyForDamage}`,
      { cause },
    )
  }
  const found = (value as { format?: unknown } | null)?.format
  if (typeof found === 'number' && found !== format) {
    throw new NanoGptError(
      'checkpoint',
      `${file} has checkpoint format ${found}; this version of nano-gpt reads ${format}; a newer one may read it`,
    )
  }
  const parsed = v.safeParse(schema, value)
  if (parsed.success) {
    const { format: _, ...info } = parsed.output
    return info
  }
  const [issue] = parsed.issues
  throw new NanoGptError(
    'checkpoint',
    `${file} is damaged: ${v.getDotPath(issue) ?? 'its metadata'}: ${issue.message}; ${remedyForDamage}`,
  )
}
