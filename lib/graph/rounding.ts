// Rounding to the formats of tensor cores, on f32 and f64 arrays alike.

import type { FloatArray } from './dtype'

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** The upper half of the nearest f32 whose lower half is 0; of two as near the even one. A NaN stays one. */
function toBf16(x: number): number {
  float[0] = x
  const all = bits[0]
  if (Number.isNaN(x)) return (all >>> 16) | 0x40
  return (all + 0x7fff + ((all >>> 16) & 1)) >>> 16
}

function fromBf16(half: number): number {
  bits[0] = half << 16
  return float[0]
}

/** Ten bits of mantissa; of two as near the one farther from 0, as `cvt.rna.tf32` has it. */
function toTf32(x: number): number {
  if (!Number.isFinite(x)) return x
  float[0] = x
  bits[0] = (bits[0] + 0x1000) & ~0x1fff
  return float[0]
}

/** Each element in place. */
export function roundToBf16(values: FloatArray): void {
  for (let i = 0; i < values.length; i++) values[i] = fromBf16(toBf16(values[i]))
}

/** A copy. */
export function roundedToTf32<T extends FloatArray>(values: T): T {
  return values.map(toTf32) as T
}

/** bf16 as a typed array holds it. */
export function bf16Bits(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, toBf16)
}

/** The numbers that bf16's bits stand for. */
export function fromBf16Bits(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, fromBf16)
}
