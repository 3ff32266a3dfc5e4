// The index that scripts use to choose case files without reading them: cases.json in the same
// folder. See docs/case-files.md, "The index".

import { bytesPerElement, sizeOf } from '../../lib/graph/dtype'
import type { Buffer, Node, Precision, Program } from '../../lib/graph/program'
import type { Case } from './case'

export interface CaseDescription {
  readonly file: string
  readonly name: string
  readonly ops: readonly string[]
  readonly format: Precision
  /**
   * Whether it has an attention gradient that spans several tiles, which reuse each other's shared
   * memory.
   */
  readonly manyTiles: boolean
  /** Approximate number of operations of all runs. */
  readonly work: number
  /** Total of all its tensors. */
  readonly bytes: number
}

/**
 * Ops that do more than a few operations per element: the size of their output times a dimension.
 */
const heavy = /matmul|linear|attention|muon|sample/

/** The tiles of attention have at most this many rows of q, k and v. */
const tileRows = 128

export function describeCase(file: string, { name, program, records }: Case): CaseDescription {
  const { buffers, ops } = program
  return {
    file,
    name,
    ops: ops.map(({ op }) => op),
    format: formatOf(program),
    manyTiles: ops.some(
      ({ op, inputs }) => op === 'attention_backward' && buffers[inputs[0]].shape[1] > tileRows,
    ),
    work: records.length * ops.reduce((sum, node) => sum + workOf(node, buffers), 0),
    bytes: buffers.reduce((sum, { shape, dtype }) => sum + sizeOf(shape) * bytesPerElement[dtype], 0),
  }
}

/** The format a Program computes in: bf16 if any of its tensors is bf16. */
function formatOf({ precision = 'f32', buffers }: Program): Precision {
  return buffers.some(({ dtype }) => dtype === 'bf16') ? 'bf16' : precision
}

/**
 * The approximate number of operations of an op, including one for each element that it reads or
 * writes.
 */
function workOf({ op, inputs, outputs }: Node, buffers: readonly Buffer[]): number {
  const shapesOf = (ids: readonly number[]) => ids.map((id) => buffers[id].shape)
  const touched = shapesOf([...inputs, ...outputs]).reduce((sum, shape) => sum + sizeOf(shape), 0)
  if (!heavy.test(op)) return touched
  const largest = Math.max(...shapesOf(outputs).map(sizeOf), 0)
  const dimensions = shapesOf(inputs).filter(({ length }) => length > 1)
  return touched + largest * Math.max(...dimensions.flat(), 1)
}
