// Element types, and the typed arrays that hold them in JavaScript.

export const dtypes = ['f32', 'f64', 'bf16', 'f16', 'i32', 'u16', 'u32'] as const
export type Dtype = (typeof dtypes)[number]

/** Bytes in one element. */
export const bytesPerElement: Record<Dtype, number> = {
  f32: 4,
  f64: 8,
  bf16: 2,
  f16: 2,
  i32: 4,
  u16: 2,
  u32: 4,
}

export type FloatArray = Float32Array | Float64Array
export type TypedArray = FloatArray | Int32Array | Uint16Array | Uint32Array

/** A zero-filled array of `length` elements; bf16 and f16 hold their bits in a Uint16Array. */
export function allocate(dtype: Dtype, length: number): TypedArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(length)
    case 'f64':
      return new Float64Array(length)
    case 'i32':
      return new Int32Array(length)
    case 'u32':
      return new Uint32Array(length)
    case 'u16':
    case 'bf16':
    case 'f16':
      return new Uint16Array(length)
  }
}

/** The bytes of an array, shared, not copied. */
export function bytesOf(array: TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** A copy of little-endian `bytes` as an array of `dtype`. */
export function arrayFrom(dtype: Dtype, bytes: Uint8Array): TypedArray {
  const array = allocate(dtype, bytes.byteLength / bytesPerElement[dtype])
  bytesOf(array).set(bytes)
  return array
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

/** All dimensions but the last, flattened. */
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
