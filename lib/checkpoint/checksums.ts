// Checksums of a checkpoint: CRC-32 of each tensor with its description, and of the metadata. They
// show that a file was damaged or cut and pasted. They don't protect from forgery.

import { crc32 } from 'node:zlib'
import { show } from '../errors'
import { bytesOf } from '../graph/dtype'
import { damaged } from './damage'
import type { SafetensorsInput } from './safetensors'
import { bytesPerTurn, Turns } from './turns'

interface Checksums {
  /** Of the metadata's `nano_gpt`. */
  readonly info: string
  readonly tensors: Readonly<Record<string, string>>
}

async function checksumOf({ name, dtype, shape, data }: SafetensorsInput, turns: Turns): Promise<string> {
  let checksum = crc32(JSON.stringify([name, dtype, shape]))
  const bytes = bytesOf(data)
  for (let start = 0; start < bytes.byteLength; start += bytesPerTurn) {
    const part = bytes.subarray(start, start + bytesPerTurn)
    checksum = crc32(part, checksum)
    await turns.after(part.byteLength)
  }
  return hex(checksum)
}

const hex = (checksum: number) => checksum.toString(16).padStart(8, '0')

/** The metadata `checksums` of a checkpoint: one JSON string. */
export async function encodeChecksums(info: string, tensors: Iterable<SafetensorsInput>): Promise<string> {
  const checksums: [string, string][] = []
  const turns = new Turns()
  for (const tensor of tensors) checksums.push([tensor.name, await checksumOf(tensor, turns)])
  return JSON.stringify({ info: hex(crc32(info)), tensors: Object.fromEntries(checksums) })
}

/**
 * Compares the metadata of a checkpoint with its checksum.
 *
 * @param encoded the metadata `checksums`
 * @param info the metadata `nano_gpt`
 * @throws NanoGptError 'checkpoint'
 */
export function verifyInfo(file: string, encoded: string, info: string): void {
  if (parse(file, encoded).info !== hex(crc32(info))) throw mismatch(file, 'its nano_gpt metadata')
}

/**
 * Compares the tensors of a checkpoint with their checksums. Those that have none are ignored.
 *
 * @param encoded the metadata `checksums`
 * @throws NanoGptError 'checkpoint' that names the tensor
 */
export async function verifyTensors(
  file: string,
  encoded: string,
  tensors: ReadonlyMap<string, SafetensorsInput>,
): Promise<void> {
  const turns = new Turns()
  for (const [name, checksum] of Object.entries(parse(file, encoded).tensors)) {
    const tensor = tensors.get(name)
    if (!tensor) throw mismatch(file, `the list of tensors, which lacks ${show(name)},`)
    if (checksum !== (await checksumOf(tensor, turns))) throw mismatch(file, `tensor ${show(name)}`)
  }
}

const mismatch = (file: string, what: string) => damaged(file, `${what} does not match its checksum`)

function parse(file: string, encoded: string): Checksums {
  try {
    const { info, tensors } = JSON.parse(encoded)
    if (typeof info === 'string' && typeof tensors === 'object' && tensors) return { info, tensors }
  } catch {
    // Reported below.
  }
  throw damaged(file, "its checksums can't be read")
}
