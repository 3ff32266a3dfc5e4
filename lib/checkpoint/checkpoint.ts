// A checkpoint is one safetensors file with the weights and the optimizer's state. The entry
// `nano_gpt` in its metadata is a JSON string that describes the model and the progress of its
// training, and `checksums` one that shows damage. docs/checkpoints.md documents the format.

import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { call, NanoGptError, option, say } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import type { TensorState } from '../model/weights'
import { encodeChecksums, verifyChecksums } from './checksums'
import { decodeInfo, encodeInfo, type ModelInfo } from './metadata'
import { readSafetensors, safetensorsChunks } from './safetensors'

export type { CheckpointInfo, DataInfo, Done, ModelInfo, TrainingState } from './metadata'

export interface Checkpoint {
  readonly path: string
  readonly info: ModelInfo
  /**
   * Parameters by path, the optimizer's state (`adamw/m/…`, `sgd/m/…`, `muon/m/…`) and averages
   * (`average/…`).
   */
  readonly tensors: ReadonlyMap<string, TensorState>
}

/** File names in a run folder. */
export const files = { last: 'last.safetensors', best: 'best.safetensors' } as const

/** Writes a checkpoint atomically: after a crash the path has the old file or the new one. */
export async function writeCheckpoint(
  path: string,
  info: ModelInfo,
  tensors: readonly TensorState[],
): Promise<void> {
  await makeFolder(dirname(path))
  const nano_gpt = encodeInfo(info)
  const metadata = { format: 'nano-gpt', nano_gpt, checksums: await encodeChecksums(nano_gpt, tensors) }
  await writeFileAtomic(path, safetensorsChunks(tensors, metadata))
}

/**
 * Reads a checkpoint.
 *
 * @param path a file, or a run folder
 * @param prefer which checkpoint of a folder: 'best' (the lowest validation loss) or 'last'.
 *   Default: 'best'
 * @throws NanoGptError with the file and what is wrong with it
 */
export async function readCheckpoint(path: string, prefer: 'best' | 'last' = 'best'): Promise<Checkpoint> {
  const file = await locate(path, prefer)
  const { tensors, metadata } = await readSafetensors(file).catch((error) => {
    throw unreadable(file, error)
  })
  if (metadata.nano_gpt === undefined) {
    throw new NanoGptError('checkpoint', {
      subject: file,
      reason: 'it is a safetensors file, but not a nano-gpt checkpoint',
      remedy: say`give one that ${call('train')} or model.save() wrote`,
    })
  }
  const { nano_gpt, checksums } = metadata
  if (checksums !== undefined) await verifyChecksums(file, checksums, nano_gpt, tensors)
  return { path: file, info: decodeInfo(file, nano_gpt, checksums !== undefined), tensors }
}

/** Adds a remedy to the error for a file that is not a safetensors file, or is damaged. */
function unreadable(file: string, error: unknown): unknown {
  if (!(error instanceof NanoGptError) || error.code !== 'safetensors') return error
  const remedy = file.endsWith('.safetensors')
    ? 'if it was a checkpoint, copy it again from its source, or use another checkpoint of its run'
    : say`a checkpoint is a run folder (the ${option('out')} of a run) or a .safetensors file`
  return error.with({ remedy })
}

async function locate(path: string, prefer: 'best' | 'last'): Promise<string> {
  const kind = await stat(path).catch(() => undefined)
  if (!kind)
    throw new NanoGptError('file_not_found', {
      reason: `there is no checkpoint at ${path}`,
      remedy: 'give a run folder or a .safetensors file',
    })
  if (!kind.isDirectory()) return path
  for (const name of prefer === 'best' ? [files.best, files.last] : [files.last]) {
    const candidate = join(path, name)
    if (await stat(candidate).catch(() => undefined)) return candidate
  }
  throw new NanoGptError('file_not_found', {
    reason: `the folder ${path} contains no checkpoint (${files.last})`,
    remedy: say`give a run folder, the ${option('out')} of a run`,
  })
}
