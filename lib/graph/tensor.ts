// A tensor is either eager (it holds data) or symbolic (it stands for a buffer of the Program being
// traced). The same op functions accept both.

import { NanoGptError } from '../errors'
import {
  allocate,
  arrayClass,
  type Dtype,
  type Shape,
  sameShape,
  sizeOf,
  type TensorSpec,
  type TypedArray,
} from './dtype'
import type { Trace } from './trace'

export class Tensor implements TensorSpec {
  constructor(
    readonly dtype: Dtype,
    readonly shape: Shape,
    /** The elements of an eager tensor, row-major. */
    readonly values?: TypedArray,
    /** The trace of a symbolic tensor. `id` is the index of its buffer. */
    readonly trace?: Trace,
    readonly id = -1,
  ) {}

  /**
   * The elements in row-major order.
   *
   * @throws NanoGptError 'no_data' for a symbolic tensor, which gets data only when its Program
   *   runs
   */
  get data(): TypedArray {
    if (!this.values) throw new NanoGptError('no_data', 'a symbolic tensor holds no data; run its Program')
    return this.values
  }

  /**
   * The value of a tensor with one element.
   *
   * @throws NanoGptError 'shape' if the tensor has another number of elements
   */
  item(): number {
    if (sizeOf(this.shape) !== 1) {
      throw new NanoGptError('shape', `item() needs one element; this tensor has shape [${this.shape}]`)
    }
    return this.data[0]
  }

  /** The elements as nested arrays, for printing and tests. */
  toArray(): unknown {
    const nest = (axis: number, offset: number): unknown => {
      if (axis === this.shape.length) return this.data[offset]
      const stride = sizeOf(this.shape.slice(axis + 1))
      return Array.from({ length: this.shape[axis] }, (_, i) => nest(axis + 1, offset + i * stride))
    }
    return nest(0, 0)
  }
}

/** A parameter of a module: its shape and its initialization. `nameParameters` sets `path`. */
export class Parameter implements TensorSpec {
  /** Its location in the model, such as `blocks.0.attention.query.weight`. */
  path = ''
  /**
   * The prefix of `path` in the Store. It is 'average/' if the model computes with averaged
   * weights, otherwise ''.
   */
  prefix = ''
  /** Whether training leaves it as it is: it has no gradient and no optimizer state. */
  isFrozen = false
  readonly dtype = 'f32'

  /**
   * @param isHiddenMatrix whether this is a matrix of a hidden layer, not an embedding table or the
   *   head that computes the logits. Muon updates hidden matrices, AdamW the other parameters.
   *   Default: false
   */
  constructor(
    readonly shape: Shape,
    readonly initial: Initial,
    readonly isHiddenMatrix = false,
  ) {}

  /** Its name in the Store. */
  get name(): string {
    return `${this.prefix}${this.path}`
  }
}

/**
 * The initialization of a parameter: normal with mean 0 and standard deviation `deviation`
 * (default: 1), uniform over ±`bound`, or one constant value.
 */
export type Initial =
  | { readonly kind: 'normal'; readonly deviation?: number }
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'constant'; readonly value: number }

type Nested = number | readonly Nested[]

/**
 * Creates an eager tensor from nested arrays, or from a typed array and a shape. A typed array is
 * not copied.
 *
 * @param dtype default: f32 for nested arrays, the array's own type for a typed array
 * @param shape default: the nesting of the arrays, or [length] for a typed array
 * @throws NanoGptError 'shape' if the nested arrays are ragged or empty, if the values do not fill
 *   the shape, or if the class of the typed array has no dtype
 */
export function tensor(values: Nested | TypedArray, dtype?: Dtype, shape?: Shape): Tensor {
  if (ArrayBuffer.isView(values)) {
    const own = dtype ?? dtypeOf(values)
    const given = shape ?? [values.length]
    if (sizeOf(given) !== values.length) {
      throw new NanoGptError('shape', `${values.length} values do not fill the shape [${given}]`)
    }
    return new Tensor(own, given, values)
  }
  const found: number[] = []
  for (let level: Nested = values; typeof level !== 'number'; level = level[0]) {
    if (level.length === 0) throw new NanoGptError('shape', 'a tensor needs at least one element')
    found.push(level.length)
  }
  const flat = flatten(values, found, 0)
  const data = allocate(dtype ?? 'f32', flat.length)
  data.set(flat)
  const result = shape ?? found
  if (!sameShape(result, found) && sizeOf(result) !== flat.length) {
    throw new NanoGptError('shape', `${flat.length} values do not fill the shape [${result}]`)
  }
  return new Tensor(dtype ?? 'f32', result, data)
}

function flatten(values: Nested, shape: Shape, axis: number): number[] {
  if (axis === shape.length) {
    if (typeof values === 'number') return [values]
  } else if (typeof values !== 'number' && values.length === shape[axis]) {
    return values.flatMap((value) => flatten(value, shape, axis + 1))
  }
  throw new NanoGptError('shape', `the nested arrays are ragged: expected the shape [${shape}] throughout`)
}

const dtypeOfClass: Readonly<Record<string, Dtype>> = {
  Float32Array: 'f32',
  Float64Array: 'f64',
  Int32Array: 'i32',
  Uint16Array: 'u16',
  Uint32Array: 'u32',
  Uint8Array: 'u8',
}

function dtypeOf(values: TypedArray): Dtype {
  const name = arrayClass(values) ?? 'DataView'
  const dtype = dtypeOfClass[name]
  if (dtype) return dtype
  const known = Object.keys(dtypeOfClass).join(', ')
  throw new NanoGptError('shape', `a tensor can't be made of a ${name}; it can of ${known}`)
}
