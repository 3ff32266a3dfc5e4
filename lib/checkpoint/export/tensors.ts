// The tensors of an exported model: parameters in the places that the layout gives them.

import { NanoGptError } from '../../errors'
import { type Shape, sizeOf } from '../../graph/dtype'
import { absentValues, put, type Weight } from '../layout'

/** Reads parameters by their paths. */
export interface Parameters {
  has(path: string): boolean
  /** The elements, which the caller does not change. */
  read(path: string): Promise<Float32Array>
}

/** A tensor of a file, and the parameters in it. */
export interface ExportTensor {
  readonly name: string
  readonly shape: Shape
  readonly weights: readonly Weight[]
}

/** The tensors in the order of the layout. */
export function tensorsOf(layout: readonly Weight[]): ExportTensor[] {
  const tensors = new Map<string, Weight[]>()
  for (const weight of layout) {
    const found = tensors.get(weight.tensor)
    if (found) found.push(weight)
    else tensors.set(weight.tensor, [weight])
  }
  return [...tensors].map(([name, weights]) => ({ name, shape: weights[0].there, weights }))
}

/**
 * The elements of a tensor.
 *
 * @throws NanoGptError 'non_finite'
 */
export async function valuesOf({ shape, weights }: ExportTensor, parameters: Parameters) {
  const values = new Float32Array(sizeOf(shape))
  for (const weight of weights) {
    const { path } = weight
    const own = parameters.has(path) ? await parameters.read(path) : absentValues(weight)
    const wrong = own.findIndex((value) => !Number.isFinite(value))
    if (wrong >= 0) {
      throw new NanoGptError('non_finite', {
        where: 'export',
        reason: `element ${wrong} of ${path} is ${own[wrong]}`,
        remedy: 'export another checkpoint',
      })
    }
    put(weight, own, values)
  }
  return values
}
