// Case files: the cases of the table as bytes, for nano-run. docs/case-files.md describes the
// format.

import { RecordLayout } from '../../lib/backend/records'
import { bytesOf, dtypes } from '../../lib/graph/dtype'
import { encode } from '../../lib/graph/wire'
import { opsByName } from '../../lib/ops'
import type { Case, Reference } from './case'
import { compare } from './numeric'

const magic = 0x5341434e
const version = 1

/** The requirements on one result. */
export interface Expectation {
  readonly kind: 'store' | 'output'
  readonly name: string
  /** Negative: no limit. */
  readonly nmse: number
  readonly expected: ArrayLike<number>
  readonly bounds: ArrayLike<number>
}

export function expectationsOf(it: Case, { results, bounds }: Reference): Expectation[] {
  return it.results.map(({ kind, name }, i) => {
    // If `compare` ignores the NMSE of a result that is off by its bounds, the file has no limit.
    const off = new Float64Array(results[i].length)
    for (let j = 0; j < off.length; j++) off[j] = results[i][j] + bounds[i][j]
    const judged = compare(off, results[i], bounds[i]).nmse > 0 && Number.isFinite(it.nmse)
    return { kind, name, nmse: judged ? it.nmse : -1, expected: results[i], bounds: bounds[i] }
  })
}

/** @param expectations default: the reference's */
export function encodeCase(it: Case, expectations: readonly Expectation[], error = it.error): Uint8Array {
  const out = new Writer()
  out.u32(magic)
  out.u16(version)
  out.u16(0)
  out.string(it.name)
  const program = encode(it.program, opsByName)
  out.u32(program.length)
  out.bytes(program)
  out.u32(it.store.length)
  for (const { name, dtype, shape, values } of it.store) {
    out.string(name)
    out.u8(dtypes.indexOf(dtype))
    out.u8(shape.length)
    for (const dimension of shape) out.u32(dimension)
    out.sized(bytesOf(values))
  }
  out.u32(it.records.length)
  out.u32(1)
  out.u8(0)
  out.sized(new RecordLayout(it.program, 'input').pack(it.records))
  out.string(error?.code ?? '')
  out.i32(error?.op ?? -1)
  out.u32(expectations.length)
  for (const { kind, name, nmse, expected, bounds } of expectations) {
    out.u8(kind === 'store' ? 1 : 0)
    out.string(name)
    out.f64(nmse)
    out.u32(expected.length)
    out.bytes(bytesOf(new Float64Array(expected)))
    out.bytes(bytesOf(new Float64Array(bounds)))
  }
  return out.all()
}

class Writer {
  private readonly parts: Uint8Array[] = []

  u8(value: number): void {
    this.number(1, (view) => view.setUint8(0, value))
  }
  u16(value: number): void {
    this.number(2, (view) => view.setUint16(0, value, true))
  }
  u32(value: number): void {
    this.number(4, (view) => view.setUint32(0, value, true))
  }
  i32(value: number): void {
    this.number(4, (view) => view.setInt32(0, value, true))
  }
  u64(value: number): void {
    this.number(8, (view) => view.setBigUint64(0, BigInt(value), true))
  }
  f64(value: number): void {
    this.number(8, (view) => view.setFloat64(0, value, true))
  }
  bytes(bytes: Uint8Array): void {
    this.parts.push(bytes)
  }
  /** Writes the number of bytes as u64, then the bytes. */
  sized(bytes: Uint8Array): void {
    this.u64(bytes.length)
    this.bytes(bytes)
  }
  string(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.u16(bytes.length)
    this.bytes(bytes)
  }
  all(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.parts))
  }

  private number(size: number, write: (view: DataView) => void): void {
    const view = new DataView(new ArrayBuffer(size))
    write(view)
    this.parts.push(new Uint8Array(view.buffer))
  }
}
