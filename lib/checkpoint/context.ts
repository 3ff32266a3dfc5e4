// A shorter context for a model: fewer positions than it was trained with.

import { NanoGptError } from '../errors'
import type { StoredTensor } from '../model/weights'
import type { Checkpoint } from './checkpoint'

/** The table of learned positions, with the prefix of its average or of the optimizer's state. */
const table = /(^|\/)positionEmbedding\.weight$/

/**
 * The same model with another block size.
 *
 * @throws NanoGptError 'option' for more positions than the model has
 */
export function withBlockSize(checkpoint: Checkpoint, blockSize: number): Checkpoint {
  const { path, info, tensors, base } = checkpoint
  const { model } = info
  if (blockSize === model.blockSize) return checkpoint
  if (blockSize > model.blockSize) {
    throw new NanoGptError('option', {
      option: 'blockSize',
      value: blockSize,
      reason: `the model in ${path} has ${model.blockSize} positions`,
      remedy: `give at most ${model.blockSize}`,
    })
  }
  const cut = (all: ReadonlyMap<string, StoredTensor>) =>
    new Map(
      [...all].map(([name, tensor]) => [name, table.test(name) ? firstRows(tensor, blockSize) : tensor]),
    )
  return {
    path,
    info: { ...info, model: { ...model, blockSize } },
    tensors: cut(tensors),
    ...(base && { base: { path: base.path, tensors: cut(base.tensors) } }),
  }
}

function firstRows(tensor: StoredTensor, rows: number): StoredTensor {
  const [, columns] = tensor.shape
  const { name, dtype } = tensor
  const spec = { name, dtype, shape: [rows, columns] }
  const most = rows * columns
  if ('data' in tensor) return { ...spec, data: tensor.data.subarray(0, most) }
  return {
    ...spec,
    async *parts() {
      let left = most
      for await (const part of tensor.parts()) {
        yield part.subarray(0, left)
        left -= part.length
        if (left <= 0) return
      }
    },
  }
}
