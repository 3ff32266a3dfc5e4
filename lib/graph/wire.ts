// Encodes and decodes Programs in the format of docs/program.md, "Wire form, version 1". The
// decoder validates everything it reads.

import { NanoGptError } from '../errors'
import { bytesPerElement, dtypes, sizeOf } from './dtype'
import {
  type Attribute,
  type Attributes,
  type Buffer,
  type Node,
  type Program,
  precisions,
  roles,
} from './program'

const magic = 0x5450474e
const version = 1
const tags = { bool: 0, int: 1, float: 2 } as const
const limits = { buffers: 65_536, ops: 65_536, bufferBytes: 1e12 }
/** The smallest encoded size of each item, in bytes. */
const least = { buffer: 5, op: 8, attribute: 4, number: 4 }

/** What the encoder needs to know about each op: which attributes are encoded as integers. */
export type OpTable = ReadonlyMap<string, { readonly integers?: readonly string[] }>

/**
 * @param ops every op that the Program may contain, by name: `opsByName`
 * @throws NanoGptError 'invalid_program' if a name or a list is too long for its 16-bit length
 */
export function encode(program: Program, ops: OpTable): Uint8Array {
  const out = new Writer()
  out.u32(magic)
  out.u16(version)
  out.u16(precisions.indexOf(program.precision ?? 'f32'))
  out.string(program.name)
  out.u32(program.buffers.length)
  for (const { name, dtype, role, shape } of program.buffers) {
    out.string(name)
    out.u8(dtypes.indexOf(dtype))
    out.u8(roles.indexOf(role))
    out.u8(shape.length)
    shape.forEach((dimension) => {
      out.u32(dimension)
    })
  }
  out.u32(program.ops.length)
  for (const node of program.ops) encodeNode(out, node, ops.get(node.op)?.integers ?? [])
  return out.bytes()
}

function encodeNode(
  out: Writer,
  { op, inputs, outputs, attributes }: Node,
  integers: readonly string[],
): void {
  out.string(op)
  for (const list of [inputs, outputs]) {
    out.u16(list.length)
    list.forEach((id) => {
      out.u32(id)
    })
  }
  const entries = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))
  out.u16(entries.length)
  for (const [name, value] of entries) {
    out.string(name)
    if (typeof value === 'boolean') {
      out.u8(tags.bool)
      out.u8(value ? 1 : 0)
    } else if (integers.includes(name)) {
      out.u8(tags.int)
      out.i64(value)
    } else {
      out.u8(tags.float)
      out.f64(value)
    }
  }
}

/** @throws NanoGptError 'invalid_program' with the byte offset and the reason */
export function decode(bytes: Uint8Array): Program {
  const input = new Reader(bytes)
  if (input.u32('magic') !== magic) input.fail('these bytes are not a Program')
  const found = input.u16('version')
  if (found !== version) input.fail(`wire version ${found}; this library reads version ${version}`)
  const precision = precisions[input.u16('precision')] ?? input.fail('unknown precision')
  const name = input.string('name')
  const buffers = input.list(input.count('buffers', limits.buffers), least.buffer, (): Buffer => {
    const name = input.string('buffer name')
    const dtype = dtypes[input.u8('dtype')] ?? input.fail('unknown dtype')
    const role = roles[input.u8('role')] ?? input.fail('unknown role')
    const shape = input.list(input.u8('rank'), least.number, () => input.u32('dimension'))
    if (shape.length > 8 || shape.includes(0))
      input.fail(`shape [${shape}] needs rank 0 to 8 and dimensions of at least 1`)
    if (sizeOf(shape) * bytesPerElement[dtype] > limits.bufferBytes)
      input.fail(`${dtype} [${shape}] is larger than ${limits.bufferBytes} bytes`)
    return { name, dtype, role, shape }
  })
  const index = (): number => {
    const id = input.u32('buffer index')
    return id < buffers.length ? id : input.fail(`buffer ${id} of ${buffers.length}`)
  }
  const ops = input.list(
    input.count('ops', limits.ops),
    least.op,
    (): Node => ({
      op: input.string('op'),
      inputs: input.list(input.u16('input count'), least.number, index),
      outputs: input.list(input.u16('output count'), least.number, index),
      attributes: decodeAttributes(input),
    }),
  )
  input.end()
  return { name, ...(precision !== 'f32' && { precision }), buffers, ops }
}

function decodeAttributes(input: Reader): Attributes {
  const entries = input.list(input.u16('attribute count'), least.attribute, (): [string, Attribute] => {
    const name = input.string('attribute name')
    const tag = input.u8('attribute tag')
    if (tag === tags.bool) {
      const value = input.u8('bool')
      return [name, value <= 1 ? value === 1 : input.fail(`bool ${value}`)]
    }
    if (tag === tags.int) return [name, input.i64('int')]
    return [name, tag === tags.float ? input.f64('float') : input.fail(`attribute tag ${tag}`)]
  })
  const sorted = entries.every(([name], i) => i === 0 || entries[i - 1][0] < name)
  if (!sorted) input.fail('attributes must be sorted by name, none twice')
  return Object.fromEntries(entries)
}

class Writer {
  private view = new DataView(new ArrayBuffer(1024))
  private length = 0

  u8(value: number) {
    const at = this.take(1)
    this.view.setUint8(at, value)
  }
  u16(value: number) {
    if (value > 0xffff) throw new NanoGptError('invalid_program', `${value} does not fit 16 bits`)
    const at = this.take(2)
    this.view.setUint16(at, value, true)
  }
  u32(value: number) {
    const at = this.take(4)
    this.view.setUint32(at, value, true)
  }
  i64(value: number) {
    const at = this.take(8)
    this.view.setBigInt64(at, BigInt(value), true)
  }
  f64(value: number) {
    const at = this.take(8)
    this.view.setFloat64(at, value, true)
  }
  string(value: string) {
    const encoded = new TextEncoder().encode(value)
    this.u16(encoded.length)
    const at = this.take(encoded.length)
    new Uint8Array(this.view.buffer).set(encoded, at)
  }
  bytes(): Uint8Array {
    return new Uint8Array(this.view.buffer.slice(0, this.length))
  }

  /** Reserves `count` bytes and returns their offset. This may replace `view`. */
  private take(count: number): number {
    const at = this.length
    this.length += count
    if (this.length > this.view.byteLength) {
      const grown = new Uint8Array(Math.max(this.length, 2 * this.view.byteLength))
      grown.set(new Uint8Array(this.view.buffer))
      this.view = new DataView(grown.buffer)
    }
    return at
  }
}

class Reader {
  private at = 0
  private readonly view: DataView

  constructor(private readonly source: Uint8Array) {
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  }

  fail(message: string): never {
    throw new NanoGptError('invalid_program', `invalid Program at byte ${this.at}: ${message}`)
  }
  u8(what: string) {
    return this.view.getUint8(this.take(1, what))
  }
  u16(what: string) {
    return this.view.getUint16(this.take(2, what), true)
  }
  u32(what: string) {
    return this.view.getUint32(this.take(4, what), true)
  }
  i64(what: string) {
    const value = Number(this.view.getBigInt64(this.take(8, what), true))
    return Number.isSafeInteger(value) ? value : this.fail(`${what} ${value} is not a safe integer`)
  }
  f64(what: string) {
    return this.view.getFloat64(this.take(8, what), true)
  }
  string(what: string): string {
    const length = this.u16(what)
    const start = this.take(length, what)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        this.source.subarray(start, start + length),
      )
    } catch {
      return this.fail(`${what} is not valid UTF-8`)
    }
  }
  count(what: string, most: number): number {
    const count = this.u32(`the number of ${what}`)
    return count <= most ? count : this.fail(`${count} ${what}; at most ${most} are possible`)
  }
  /**
   * Reads `count` items of at least `size` bytes each. A count that exceeds the remaining bytes
   * fails before anything is allocated.
   */
  list<T>(count: number, size: number, item: () => T): T[] {
    if (count * size > this.source.length - this.at)
      this.fail(`${count} items do not fit the bytes that are left`)
    return Array.from({ length: count }, item)
  }
  end() {
    if (this.at !== this.source.length) this.fail(`${this.source.length - this.at} bytes follow the Program`)
  }

  private take(count: number, what: string): number {
    const at = this.at
    if (at + count > this.source.length) this.fail(`the bytes end inside ${what}`)
    this.at += count
    return at
  }
}
