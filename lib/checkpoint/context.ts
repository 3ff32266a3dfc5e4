// A shorter context for a model: fewer positions than it was trained with.

import { NanoGptError } from '../errors'
import type { TensorState } from '../model/weights'
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
  const cut = (all: ReadonlyMap<string, TensorState>) =>
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

function firstRows(tensor: TensorState, rows: number): TensorState {
  const [, columns] = tensor.shape
  return {
    name: tensor.name,
    dtype: tensor.dtype,
    shape: [rows, columns],
    // Reading `data` may convert it.
    get data() {
      return tensor.data.subarray(0, rows * columns)
    },
  }
}
