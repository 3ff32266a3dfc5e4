// A checkpoint is one safetensors file with the weights and the optimizer's state. The entry
// `nano_gpt` in its metadata is a JSON string that describes the model and the progress of its
// training, and `checksums` one that shows damage. docs/checkpoints.md documents the format.

import { dirname, join } from 'node:path'
import { call, NanoGptError, option, say } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import { readFailed, statOf } from '../files/read'
import { sizeOf } from '../graph/dtype'
import type { StoredTensor, TensorSource, TensorState } from '../model/weights'
import { withBase } from './base'
import { encodeChecksums, verifyInfo, verifyTensors } from './checksums'
import { checkClaims } from './claims'
import { withBlockSize } from './context'
import { damaged } from './damage'
import { refuseNonFinite } from './finite'
import { checkpointsIn, files } from './folder'
import { ggufFile, refuseGguf } from './gguf/file'
import { isForeign, readForeign } from './hugging_face/folder'
import { isPeft, readPeft } from './hugging_face/peft_read'
import { refusePickle } from './hugging_face/pickle'
import { decodeInfo, encodeInfo, type ModelInfo } from './metadata'
import { type Metadata, readSafetensors, type SafetensorsHeader, safetensorsChunks } from './safetensors'

export type { Base, Best, Change, CheckpointInfo, DataInfo, Done, ModelInfo, TrainingState } from './metadata'

export interface Checkpoint {
  readonly path: string
  readonly info: ModelInfo
  /**
   * Parameters by path, the optimizer's state (`adamw/m/…`, `sgd/m/…`, `muon/m/…`) and averages
   * (`average/…`).
   */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** Only of a model with adapters: the weights that they adapt, which are not in its file. */
  readonly base?: TensorSource
}

export interface ReadOptions {
  /**
   * A shorter context than the model's, or 'whole' for the model's. Default: the model's, in a Hugging
   * Face folder at most 1,024 tokens.
   */
  readonly blockSize?: number | 'whole'
  /** The model that adapters were trained on. Default: where it was. */
  readonly base?: string
}

/**
 * Writes a checkpoint atomically: after a crash the path has the old file or the new one.
 *
 * @throws NanoGptError 'non_finite' that names a tensor; 'write_failed'. The path then keeps its file
 */
export async function writeCheckpoint(
  path: string,
  info: ModelInfo,
  tensors: readonly TensorState[],
): Promise<void> {
  await makeFolder(dirname(path))
  await writeFileAtomic(path, await checkpointChunks(info, tensors))
}

/**
 * The contents of a checkpoint as chunks for `writeFileAtomic`.
 *
 * @throws NanoGptError 'non_finite' that names a tensor
 */
export async function checkpointChunks(
  info: ModelInfo,
  tensors: readonly TensorState[],
): Promise<Uint8Array[]> {
  await refuseNonFinite(info.step, tensors)
  const nano_gpt = encodeInfo(info)
  const checksums = await encodeChecksums(nano_gpt, tensors)
  return safetensorsChunks(tensors, { format: 'nano-gpt', nano_gpt, checksums })
}

/**
 * Reads a checkpoint. If the preferred one of a folder is damaged or missing, another is read. A
 * Hugging Face folder is read as a model that was not trained.
 *
 * @param path a file, a run folder, or a Hugging Face folder
 * @param prefer which checkpoint of a folder: 'best' (the lowest validation loss) or 'last'.
 *   Default: 'best'
 * @param tell called with a sentence if a damaged checkpoint is passed over. Default: prints a
 *   warning
 * @throws NanoGptError with the file and what is wrong with it; 'option' for a `blockSize` that is too
 *   large
 */
export async function readCheckpoint(
  path: string,
  prefer: 'best' | 'last' = 'best',
  tell: (message: string) => void = (message) => process.emitWarning(message, 'NanoGptWarning'),
  { blockSize, base }: ReadOptions = {},
): Promise<Checkpoint> {
  return readNested(path, prefer, tell, { blockSize, base }, 0)
}

/** @param depth the number of checkpoints of which this one is the base, or the base of a base */
async function readNested(
  path: string,
  prefer: 'best' | 'last',
  tell: (message: string) => void,
  { blockSize, base }: ReadOptions,
  depth: number,
): Promise<Checkpoint> {
  const candidates = await locate(path, prefer)
  const readBase = (place: string, size: ReadOptions['blockSize']) =>
    readNested(place, 'best', tell, { blockSize: size }, depth + 1)
  if (depth > mostBases)
    throw damaged(path, `it is one of more than ${mostBases} models, each the base of the next`)
  const found = await readOwn(path, candidates, tell, base, readBase)
  const isElsewhere = candidates === 'foreign' || candidates === 'peft'
  const usual = isElsewhere ? Math.min(usualContext, found.info.model.blockSize) : undefined
  const size = blockSize ?? usual
  return size === undefined || size === 'whole' ? found : withBlockSize(found, size)
}

/** Reads a checkpoint with all of its positions, and its base. */
async function readOwn(
  path: string,
  candidates: Candidates,
  tell: (message: string) => void,
  base: string | undefined,
  readBase: (path: string, blockSize: ReadOptions['blockSize']) => Promise<Checkpoint>,
): Promise<Checkpoint> {
  if (candidates === 'peft') return readPeft(path, base, (place) => readBase(place, 'whole'))
  const own = candidates === 'foreign' ? await readForeign(path) : await readFirst(candidates, tell)
  return withBase(own, base, readBase)
}

/** A file that names itself as its base would be read forever. */
const mostBases = 16

/**
 * The context of a model from elsewhere, in tokens, unless another one is given. Models may have
 * hundreds of times as much, and the memory of a window grows with it.
 */
const usualContext = 1024

/** Reads the first of these files that is not damaged. */
async function readFirst(
  candidates: readonly string[],
  tell: (message: string) => void,
): Promise<Checkpoint> {
  const failures: NanoGptError[] = []
  for (const file of candidates) {
    try {
      const checkpoint = await readFile(file)
      if (failures.length > 0) {
        const { step } = checkpoint.info
        tell(`${failures[0].message}. ${file} is used instead, which is of step ${step}`)
      }
      return checkpoint
    } catch (error) {
      if (!isDamage(error)) throw error
      failures.push(error)
    }
  }
  throw failures[0]
}

async function readFile(file: string): Promise<Checkpoint> {
  let info: ModelInfo
  const { tensors, metadata } = await readSafetensors(file, {
    metadata: (found) => expectOurs(file, found),
    header: (header) => {
      info = infoOf(file, header)
    },
  }).catch((error) => {
    throw unreadable(file, error)
  })
  if (metadata.checksums !== undefined) await verifyTensors(file, metadata.checksums, tensors)
  return { path: file, info: info!, tensors }
}

/** What a checkpoint says about its model before the tensors. */
export interface Description {
  readonly info: ModelInfo
  /** The number of parameters. */
  readonly parameters: number
}

/**
 * Reads the description of a model, but not its tensors.
 *
 * @throws NanoGptError with the file and what is wrong with it
 */
export async function describeCheckpoint(file: string): Promise<Description> {
  let found: Description | undefined
  // Nothing is wrong, but the tensors are not needed.
  const enough = new Error('the header is read')
  await readSafetensors(file, {
    metadata: (metadata) => expectOurs(file, metadata),
    header: (header) => {
      // The state of the optimizer and the averages have a slash in their names.
      const weights = [...header.tensors].filter(([name]) => !name.includes('/'))
      const parameters = weights.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0)
      found = { info: infoOf(file, header), parameters }
      throw enough
    },
  }).catch((error) => {
    if (error !== enough) throw unreadable(file, error)
  })
  return found!
}

function expectOurs(file: string, { nano_gpt }: Metadata): void {
  if (nano_gpt !== undefined) return
  throw new NanoGptError('checkpoint', {
    subject: file,
    reason: 'it is a safetensors file, but not a nano-gpt checkpoint',
    remedy: say`give one that ${call('train')} or model.save() wrote, or the folder of a Hugging Face model`,
  })
}

/** The description of a model, after comparing it with its checksum and with the tensors. */
function infoOf(file: string, { metadata: { nano_gpt, checksums }, tensors }: SafetensorsHeader): ModelInfo {
  if (checksums !== undefined) verifyInfo(file, checksums, nano_gpt)
  const info = decodeInfo(file, nano_gpt, checksums !== undefined)
  checkClaims(file, info.model, tensors)
  return info
}

/**
 * Whether another checkpoint of the run can replace the file: it is damaged, or the disk cannot
 * read it. A file of a newer format is not damaged.
 */
function isDamage(error: unknown): error is NanoGptError {
  return (
    error instanceof NanoGptError && ['damaged_checkpoint', 'safetensors', 'read_failed'].includes(error.code)
  )
}

/** Adds a remedy to the error for a file that is not a safetensors file, or is damaged. */
function unreadable(file: string, error: unknown): unknown {
  if (!(error instanceof NanoGptError) || error.code !== 'safetensors') return error
  const remedy = file.endsWith('.safetensors')
    ? 'if it was a checkpoint, copy it again from its source, or use another checkpoint of its run'
    : say`a checkpoint is a run folder (the ${option('out')} of a run) or a .safetensors file`
  return error.with({ remedy })
}

/**
 * The files to try, in order; 'foreign' for a folder with a model of another program, and 'peft' for one
 * with adapters.
 */
type Candidates = readonly string[] | 'foreign' | 'peft'

async function locate(path: string, prefer: 'best' | 'last'): Promise<Candidates> {
  const kind = await statOf(path)
  if (!kind)
    throw new NanoGptError('file_not_found', {
      reason: `there is no checkpoint at ${path}`,
      remedy: 'give a run folder or a .safetensors file',
    })
  if (!kind.isDirectory()) {
    refusePickle(path)
    refuseGguf(path)
    return [path]
  }
  const names = await checkpointsIn(path, prefer).catch((error) => {
    throw readFailed(path, error)
  })
  if (names.length > 0) return names.map((name) => join(path, name))
  if (await isPeft(path)) return 'peft'
  if (await isForeign(path)) return 'foreign'
  const gguf = join(path, ggufFile)
  if (await statOf(gguf)) refuseGguf(gguf)
  throw new NanoGptError('file_not_found', {
    reason: `the folder ${path} contains no checkpoint (${files.last})`,
    remedy: say`give a run folder, the ${option('out')} of a run`,
  })
}
