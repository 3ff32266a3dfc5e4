// The base of a model with adapters. Its checkpoints contain the adapters alone, and the path and the
// digest of the model that the adapters were trained on.

import { createHash } from 'node:crypto'
import { resolve as absolute } from 'node:path'
import { NanoGptError, option, type Phrase, say } from '../errors'
import { bytesOf } from '../graph/dtype'
import { mergeAdapters } from '../model/lora'
import { partsOf, type StoredTensor, weightsIn } from '../model/weights'
import type { Checkpoint } from './checkpoint'
import type { Base } from './metadata'
import { bytesPerTurn, Turns } from './turns'

/** The base of new adapters. */
export async function baseOf({ path, tensors }: Checkpoint): Promise<Base> {
  return { path: absolute(path), digest: await digestOf(weightsIn(tensors)) }
}

/** The sha256 of weights: of their names, shapes and values, in the order of their names. */
async function digestOf(weights: ReadonlyMap<string, StoredTensor>): Promise<string> {
  const hash = createHash('sha256')
  const turns = new Turns()
  for (const name of [...weights.keys()].sort()) {
    const tensor = weights.get(name)!
    hash.update(JSON.stringify([name, tensor.shape]))
    for await (const part of partsOf(tensor)) {
      const bytes = bytesOf(part)
      for (let start = 0; start < bytes.byteLength; start += bytesPerTurn) {
        const some = bytes.subarray(start, start + bytesPerTurn)
        hash.update(some)
        await turns.after(some.byteLength)
      }
    }
  }
  return hash.digest('hex')
}

/**
 * The same model without adapters: they are merged into the weights, which are the averaged ones if
 * there are any. Other models are returned as they are.
 */
export function merged(checkpoint: Checkpoint): Checkpoint {
  const { path, info, tensors, base } = checkpoint
  const { lora, ...model } = info.model
  if (!lora) return checkpoint
  const { base: _, ...rest } = info
  const all = new Map([...(base?.tensors ?? []), ...weightsIn(tensors)])
  return { path, info: { ...rest, model }, tensors: mergeAdapters(all, lora) }
}

/**
 * Adds the weights of the base.
 *
 * @param given the path of the base, if it is not where it was
 * @param read reads the checkpoint at a path, with this block size
 * @throws NanoGptError 'checkpoint' if the base is missing or has other weights
 */
export async function withBase(
  checkpoint: Checkpoint,
  given: string | undefined,
  read: (path: string, blockSize: number) => Promise<Checkpoint>,
): Promise<Checkpoint> {
  const { path, info, tensors } = checkpoint
  const { base, model } = info
  if (!base) {
    if (given === undefined) return checkpoint
    throw new NanoGptError('option', {
      option: 'base',
      value: given,
      reason: `the model in ${path} has no adapters, so it has no base`,
      remedy: 'leave it out',
    })
  }
  const place = absolute(given ?? base.path)
  const refuse = (reason: string, remedy: Phrase) =>
    new NanoGptError('checkpoint', { subject: path, reason, remedy })
  const moved = say`give the model that they were trained on as ${option('base')}`
  const found = await read(place, model.blockSize).catch((error) => {
    if (!(error instanceof NanoGptError)) throw error
    if (error.code === 'file_not_found')
      throw refuse(`it has adapters for the model in ${place}, which is not there`, moved)
    // A model with fewer positions.
    throw error.code === 'option' ? refuse(another(place), moved) : error
  })
  const { tensors: weights } = merged(found)
  const { digest } = await baseOf({ ...found, tensors: weights })
  if (digest !== base.digest) throw refuse(another(place), moved)
  return {
    path,
    // As baseOf() names it: the checkpoint, not its run folder.
    info: { ...info, base: { path: found.path, digest } },
    tensors,
    base: { path: found.path, tensors: weightsIn(weights) },
  }
}

const another = (place: string) =>
  `it has adapters for another model than the one in ${place}: the weights are not the same`
