// Element types, and the typed arrays that hold them in JavaScript.

import { allocating } from './memory'

export const dtypes = ['f32', 'f64', 'bf16', 'f16', 'i32', 'u16', 'u32', 'u8'] as const
export type Dtype = (typeof dtypes)[number]

/** Bytes per element. */
export const bytesPerElement: Record<Dtype, number> = {
  f32: 4,
  f64: 8,
  bf16: 2,
  f16: 2,
  i32: 4,
  u16: 2,
  u32: 4,
  u8: 1,
}

export type FloatArray = Float32Array | Float64Array
export type TypedArray = FloatArray | Int32Array | Uint8Array | Uint16Array | Uint32Array

/** The array class of each dtype. bf16 and f16 are stored as bits in a Uint16Array. */
export const arrayOf = {
  f32: Float32Array,
  f64: Float64Array,
  bf16: Uint16Array,
  f16: Uint16Array,
  i32: Int32Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u8: Uint8Array,
} as const satisfies Record<Dtype, unknown>

/**
 * Allocates a zero-filled array.
 *
 * @param what describes the array in an error
 * @throws NanoGptError 'out_of_memory'
 */
export function allocate<D extends Dtype>(
  dtype: D,
  length: number,
  what = `an array of ${length} ${dtype}`,
): InstanceType<(typeof arrayOf)[D]> {
  const made = allocating(what, length * bytesPerElement[dtype], () => new arrayOf[dtype](length))
  return made as InstanceType<(typeof arrayOf)[D]>
}

/** Like `array.slice()`, but throws NanoGptError 'out_of_memory' if there is no memory. */
export function copyOf<T extends TypedArray | Uint8Array>(array: T, what: string): T {
  return allocating(what, array.byteLength, () => array.slice() as T)
}

/**
 * The name of an array's class, such as 'Float32Array', in any realm. Undefined if `value` is not a
 * typed array.
 */
export function arrayClass(value: unknown): string | undefined {
  const name = ArrayBuffer.isView(value) ? Object.prototype.toString.call(value).slice(8, -1) : undefined
  return name === 'DataView' ? undefined : name
}

/** The bytes of an array, as a view. */
export function bytesOf(array: TypedArray | Uint8Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** Copies little-endian `bytes` into a new array of `dtype`. */
export function arrayFrom(dtype: Dtype, bytes: Uint8Array, what?: string): TypedArray {
  const array: TypedArray = allocate(dtype, bytes.byteLength / bytesPerElement[dtype], what)
  bytesOf(array).set(bytes)
  return array
}

/** The same memory as an array of `dtype`. It must begin at a multiple of the element's size. */
export function viewOf(dtype: Dtype, bytes: Uint8Array): TypedArray {
  return new arrayOf[dtype](
    bytes.buffer as ArrayBuffer,
    bytes.byteOffset,
    bytes.byteLength / bytesPerElement[dtype],
  )
}

export type Shape = readonly number[]

/** The number of elements; 1 for rank 0. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}

/** The last dimension; 1 for rank 0. */
export function lastOf(shape: Shape): number {
  return shape.length === 0 ? 1 : shape[shape.length - 1]
}

/** The product of all dimensions but the last. */
export function rowsOf(shape: Shape): number {
  return sizeOf(shape.slice(0, -1))
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis])
}

export interface TensorSpec {
  readonly dtype: Dtype
  readonly shape: Shape
}

export function describe(spec: TensorSpec): string {
  return `${spec.dtype} [${spec.shape.join(', ')}]`
}
