// The GGUF file format, version 3: metadata and tensors for llama.cpp.
//
//   'GGUF' · version u32 · tensors u64 · entries u64 · entries · descriptions of tensors · padding · data
//
// Numbers are little-endian. A string is its length in bytes (u64) and its UTF-8. Tensors begin at
// multiples of 32 bytes.

import type { Shape } from '../../graph/dtype'

/** The value of a metadata entry, with its type. Kinds are named as in ggml. */
export type GgufValue =
  | { readonly kind: 'u32' | 'i32' | 'f32'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'array'; readonly of: 'string'; readonly values: readonly string[] }
  | { readonly kind: 'array'; readonly of: 'i32'; readonly values: readonly number[] }

export const u32 = (value: number): GgufValue => ({ kind: 'u32', value })
export const f32 = (value: number): GgufValue => ({ kind: 'f32', value })
export const bool = (value: boolean): GgufValue => ({ kind: 'bool', value })
export const string = (value: string): GgufValue => ({ kind: 'string', value })
export const strings = (values: readonly string[]): GgufValue => ({ kind: 'array', of: 'string', values })
export const integers = (values: readonly number[]): GgufValue => ({ kind: 'array', of: 'i32', values })

const kinds = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const

/** The element types that are written, with ggml's numbers. */
export const ggmlTypes = { f32: 0, f16: 1, q8_0: 8 } as const
export type GgmlType = keyof typeof ggmlTypes

export interface GgufTensor {
  readonly name: string
  /** Row-major, as everywhere here. The file has it in reverse. */
  readonly shape: Shape
  readonly type: GgmlType
  /** The size of its elements. */
  readonly bytes: number
}

const version = 3
const alignment = 32

/** The bytes from the end of a part to the beginning of the next tensor. */
export const paddingAfter = (bytes: number) => new Uint8Array((alignment - (bytes % alignment)) % alignment)

/** All that comes before the data of the first tensor. */
export function ggufHeader(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Uint8Array {
  const entries = Object.entries(metadata)
  const writer = new Writer()
  writer.raw(Buffer.from('GGUF'))
  writer.u32(version)
  writer.u64(tensors.length)
  writer.u64(entries.length)
  for (const [key, value] of entries) {
    writer.string(key)
    writer.u32(kinds[value.kind])
    writer.value(value)
  }
  let offset = 0
  for (const { name, shape, type, bytes } of tensors) {
    writer.string(name)
    writer.u32(shape.length)
    for (const dimension of [...shape].reverse()) writer.u64(dimension)
    writer.u32(ggmlTypes[type])
    writer.u64(offset)
    offset += bytes + paddingAfter(bytes).length
  }
  writer.raw(paddingAfter(writer.length))
  return writer.finish()
}

class Writer {
  private readonly parts: Uint8Array[] = []
  length = 0

  raw(bytes: Uint8Array): void {
    this.parts.push(bytes)
    this.length += bytes.length
  }

  u32(value: number): void {
    this.raw(new Uint8Array(Uint32Array.of(value).buffer))
  }

  u64(value: number): void {
    this.raw(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer))
  }

  string(text: string): void {
    const utf8 = Buffer.from(text)
    this.u64(utf8.length)
    this.raw(utf8)
  }

  value(value: GgufValue): void {
    if (value.kind === 'string') this.string(value.value)
    else if (value.kind === 'bool') this.raw(Uint8Array.of(value.value ? 1 : 0))
    else if (value.kind === 'f32') this.raw(new Uint8Array(Float32Array.of(value.value).buffer))
    else if (value.kind !== 'array') this.u32(value.value)
    else {
      this.u32(kinds[value.of])
      this.u64(value.values.length)
      if (value.of === 'string') for (const text of value.values) this.string(text)
      else this.raw(new Uint8Array(Int32Array.from(value.values).buffer))
    }
  }

  finish(): Uint8Array {
    return Buffer.concat(this.parts)
  }
}
