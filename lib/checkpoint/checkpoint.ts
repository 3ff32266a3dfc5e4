// A checkpoint is one safetensors file with the weights and the optimizer's state. The entry
// `nano_gpt` in its metadata is a JSON string that describes the model and the progress of its
// training, and `checksums` one that shows damage. docs/checkpoints.md documents the format.

import { dirname, join } from 'node:path'
import { call, NanoGptError, option, say } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import { statOf } from '../files/read'
import type { TensorState } from '../model/weights'
import { encodeChecksums, verifyInfo, verifyTensors } from './checksums'
import { checkClaims } from './claims'
import { decodeInfo, encodeInfo, type ModelInfo } from './metadata'
import { type Metadata, readSafetensors, type SafetensorsHeader, safetensorsChunks } from './safetensors'

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

function expectOurs(file: string, { nano_gpt }: Metadata): void {
  if (nano_gpt !== undefined) return
  throw new NanoGptError('checkpoint', {
    subject: file,
    reason: 'it is a safetensors file, but not a nano-gpt checkpoint',
    remedy: say`give one that ${call('train')} or model.save() wrote`,
  })
}

/** The description of a model, after comparing it with its checksum and with the tensors. */
function infoOf(file: string, { metadata: { nano_gpt, checksums }, tensors }: SafetensorsHeader): ModelInfo {
  if (checksums !== undefined) verifyInfo(file, checksums, nano_gpt)
  const info = decodeInfo(file, nano_gpt, checksums !== undefined)
  checkClaims(file, info.model, tensors)
  return info
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
  const kind = await statOf(path)
  if (!kind)
    throw new NanoGptError('file_not_found', {
      reason: `there is no checkpoint at ${path}`,
      remedy: 'give a run folder or a .safetensors file',
    })
  if (!kind.isDirectory()) return path
  for (const name of prefer === 'best' ? [files.best, files.last] : [files.last]) {
    const candidate = join(path, name)
    if (await statOf(candidate)) return candidate
  }
  throw new NanoGptError('file_not_found', {
    reason: `the folder ${path} contains no checkpoint (${files.last})`,
    remedy: say`give a run folder, the ${option('out')} of a run`,
  })
}
