// How cases are filled: deterministic values by name.

import { allocate, type Dtype, type Shape, sizeOf, type TypedArray } from '../../../lib/graph/dtype'
import type { Given } from '../case'
import { Numbers } from '../numeric'

/** One element, and sizes around the edges of vectors (8), tiles (6, 16) and small powers of two. */
export const edges = [1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65] as const

/** f32 values, uniform in [low, high). */
export function floats(name: string, shape: Shape, low = -1, high = 1): Given {
  return { dtype: 'f32', shape, values: new Numbers(name).floats(sizeOf(shape), low, high) }
}

/** Integers in [0, bound). */
export function integers(name: string, shape: Shape, bound: number, dtype: Dtype = 'i32'): Given {
  return given(dtype, shape, new Numbers(name).integers(sizeOf(shape), bound))
}

export function given(dtype: Dtype, shape: Shape, values: ArrayLike<number>): Given {
  const array: TypedArray = allocate(dtype, sizeOf(shape))
  if (values.length !== array.length) throw new Error(`${values.length} values for [${shape}]`)
  array.set(values)
  return { dtype, shape, values: array }
}

/** A float or an integer of rank 0. */
export const scalar = (value: number): Given => given('f32', [], [value])
export const index = (value: number): Given => given('i32', [], [value])

/** The random key: seed and draw. */
export const rng = (low = 0x89abcdef, high = 0xfedcba98, draw = 7): Given =>
  given('u32', [3], [low, high, draw])

/** `values` with some elements replaced. */
export function replaced(operand: Given, elements: Readonly<Record<number, number>>): Given {
  const values = operand.values.slice()
  for (const [at, value] of Object.entries(elements)) values[Number(at)] = value
  return { ...operand, values }
}
