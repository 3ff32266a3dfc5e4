// Contents of cases: deterministic values by name.

import { allocate, type Dtype, type Shape, sizeOf, type TypedArray } from '../../../lib/graph/dtype'
import type { Attributes } from '../../../lib/graph/program'
import { bf16Bits } from '../../../lib/graph/rounding'
import { Tensor } from '../../../lib/graph/tensor'
import type { Op } from '../../../lib/ops/op'
import { asFloat, type Given } from '../case'
import { Numbers } from '../numeric'

/** One element, and sizes around those of vectors (8), tiles (6, 16) and small powers of two. */
export const edges = [1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65] as const

const made = new Map<string, Float32Array>()

/** f32 values, uniform in [low, high). Cases share them and must not change them. */
export function floats(name: string, shape: Shape, low = -1, high = 1): Given {
  const key = [name, sizeOf(shape), low, high].join()
  const values = made.get(key) ?? new Numbers(name).floats(sizeOf(shape), low, high)
  made.set(key, values)
  return { dtype: 'f32', shape, values }
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
export const double = (value: number): Given => given('f64', [], [value])
export const index = (value: number): Given => given('i32', [], [value])
/** One integer per sequence. */
export const indices = (values: readonly number[]): Given => given('i32', [values.length], values)

/** The random key: seed and draw. */
export const rng = (low = 0x89abcdef, high = 0xfedcba98, draw = 7): Given =>
  given('u32', [3], [low, high, draw])

/** A random key for each row: the same seed, consecutive draws. */
export const rngs = (rows: Shape, low = 0x89abcdef, high = 0xfedcba98, draw = 7): Given =>
  given('u32', [...rows, 3], Array.from({ length: sizeOf(rows) }, (_, row) => [low, high, draw + row]).flat())

/** `values` with some elements replaced. */
export function replaced(operand: Given, elements: Readonly<Record<number, number>>): Given {
  const values = operand.values.slice()
  for (const [at, value] of Object.entries(elements)) values[Number(at)] = value
  return { ...operand, values }
}

/** The float64 results of an op's reference on `inputs`, rounded: the inputs of its gradient. */
export function outputsOf(op: Op, inputs: readonly Given[], attributes: Attributes): Given[] {
  const wide = ({ dtype, shape, values }: Given) =>
    dtype === 'f32' ? new Tensor('f64', shape, Float64Array.from(values)) : new Tensor(dtype, shape, values)
  const outputs = op
    .shape(inputs.map(asFloat), attributes)
    .map(({ shape }) => new Tensor('f64', shape, new Float64Array(sizeOf(shape))))
  op.reference(inputs.map(asFloat).map(wide), outputs, attributes)
  return outputs.map(({ shape, data }) => given('f32', shape, data))
}

/** A float operand rounded to bf16, as bits. */
export function bf16(operand: Given): Given {
  return { ...operand, dtype: 'bf16', values: bf16Bits(operand.values) }
}
