// Rounding to the formats bf16, f16 and tf32.

import type { FloatArray } from './dtype'

// Jest looks up globals slowly.
const { isFinite: finite, isNaN: missing } = Number

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** The bits of x rounded to bf16, to nearest with ties to even. NaN stays NaN. */
function toBf16(x: number): number {
  float[0] = x
  const all = bits[0]
  if (missing(x)) return (all >>> 16) | 0x40
  return (all + 0x7fff + ((all >>> 16) & 1)) >>> 16
}

function fromBf16(half: number): number {
  bits[0] = half << 16
  return float[0]
}

/**
 * Rounds to a 10-bit mantissa, to nearest with ties away from zero, like PTX's `cvt.rna.tf32`. NaN
 * and infinities are unchanged.
 */
function toTf32(x: number): number {
  if (!finite(x)) return x
  float[0] = x
  bits[0] = (bits[0] + 0x1000) & ~0x1fff
  return float[0]
}

/** Rounds each element to bf16, in place. */
export function roundToBf16(values: FloatArray): void {
  for (let i = 0; i < values.length; i++) values[i] = fromBf16(toBf16(values[i]))
}

/** A copy of the values, rounded to tf32. */
export function roundedToTf32<T extends FloatArray>(values: T): T {
  return values.map(toTf32) as T
}

/** The bits of the values rounded to bf16. */
export function bf16Bits(values: ArrayLike<number>): Uint16Array {
  // TypedArray.from takes several times as long.
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < halves.length; i++) halves[i] = toBf16(values[i])
  return halves
}

/** The bits of x rounded to f16, to nearest with ties to even. Beyond 65,519 it is infinite. NaN stays NaN. */
function toF16(x: number): number {
  float[0] = x
  const sign = (bits[0] >>> 16) & 0x8000
  if (missing(x)) return sign | 0x7e00
  const magnitude = Math.abs(float[0])
  if (magnitude >= 65_520) return sign | 0x7c00
  // A subnormal number is a multiple of 2^-24: adding 1/2 rounds to that in f32.
  if (magnitude < 2 ** -14) {
    float[0] = magnitude + 0.5
    return sign | (bits[0] - 0x3f00_0000)
  }
  const all = bits[0] & 0x7fff_ffff
  // The exponent's bias is 127 in f32 and 15 here. A carry of the mantissa increases it.
  return sign | ((all - ((127 - 15) << 23) + 0xfff + ((all >>> 13) & 1)) >>> 13)
}

/** The bits of the values rounded to f16. */
export function f16Bits(values: ArrayLike<number>): Uint16Array {
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < halves.length; i++) halves[i] = toF16(values[i])
  return halves
}

function fromF16(half: number): number {
  const exponent = (half >>> 10) & 0x1f
  const mantissa = half & 0x3ff
  // Subnormal numbers are multiples of 2^-24.
  if (exponent === 0) return (half & 0x8000 ? -1 : 1) * mantissa * 2 ** -24
  const wide = exponent === 0x1f ? 0xff : exponent - 15 + 127
  bits[0] = ((half & 0x8000) << 16) | (wide << 23) | (mantissa << 13)
  return float[0]
}

/** The values that f16 bits stand for. */
export function fromF16Bits(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length)
  for (let i = 0; i < values.length; i++) values[i] = fromF16(halves[i])
  return values
}

/** The values that bf16 bits stand for. */
export function fromBf16Bits(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length)
  for (let i = 0; i < values.length; i++) values[i] = fromBf16(halves[i])
  return values
}
