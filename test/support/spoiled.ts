// Checkpoints with values that nano-gpt refuses to write.

import type { CheckpointInfo } from '../../lib/checkpoint/checkpoint'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { encodeChecksums } from '../../lib/checkpoint/checksums'
import { encodeInfo } from '../../lib/checkpoint/metadata'
import { safetensorsChunks } from '../../lib/checkpoint/safetensors'
import { writeFileAtomic } from '../../lib/files/atomic'
import type { TensorState } from '../../lib/model/weights'

/** Copies a checkpoint with one element changed, and right checksums. */
export async function copySpoiled(
  from: string,
  to: string,
  { name, at, value }: { name: string; at: number; value: number },
): Promise<void> {
  const { info, tensors: stored } = await readCheckpoint(from, 'last')
  const tensors = stored as ReadonlyMap<string, TensorState>
  tensors.get(name)!.data[at] = value
  const nano_gpt = encodeInfo(info as CheckpointInfo)
  const checksums = await encodeChecksums(nano_gpt, tensors.values())
  await writeFileAtomic(to, safetensorsChunks(tensors.values(), { format: 'nano-gpt', nano_gpt, checksums }))
}
