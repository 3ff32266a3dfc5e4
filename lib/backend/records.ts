// Records pack the inputs of many executions into one byte array for a device, and the outputs
// back.

import { NanoGptError } from '../errors'
import {
  allocate,
  arrayFrom,
  bytesOf,
  bytesPerElement,
  type Dtype,
  sizeOf,
  type TypedArray,
} from '../graph/dtype'
import { allocating } from '../graph/memory'
import { buffersOf, type Program } from '../graph/program'

interface Field {
  readonly name: string
  readonly dtype: Dtype
  readonly offset: number
  readonly elements: number
}

/**
 * The layout of a Program's input (or output) record. Each buffer starts at a multiple of 8 bytes.
 */
export class RecordLayout {
  readonly fields: readonly Field[]
  /** Bytes per record. */
  readonly size: number

  constructor(program: Program, role: 'input' | 'output') {
    let offset = 0
    this.fields = buffersOf(program, role).map(({ name, dtype, shape }) => {
      const field = { name, dtype, offset, elements: sizeOf(shape) }
      offset += Math.ceil((field.elements * bytesPerElement[dtype]) / 8) * 8
      return field
    })
    this.size = offset
  }

  /**
   * Packs one record per element of `values`, which maps the name of each input to its value.
   *
   * @throws NanoGptError 'program' if an input is missing or has the wrong number of elements
   */
  pack(values: readonly Readonly<Record<string, number | ArrayLike<number>>>[]): Uint8Array {
    const size = this.size * values.length
    const bytes = allocating('the inputs of a run', size, () => new Uint8Array(size))
    values.forEach((value, index) => {
      for (const field of this.fields) {
        const array = toArray(field, value[field.name])
        bytes.set(bytesOf(array), index * this.size + field.offset)
      }
    })
    return bytes
  }

  /**
   * The buffer `name` of every record, concatenated.
   *
   * @throws NanoGptError 'program' if the record has no such buffer
   */
  unpack(records: Uint8Array, name: string): TypedArray {
    const field = this.field(name)
    const width = field.elements * bytesPerElement[field.dtype]
    const count = Math.floor(records.length / this.size)
    const what = `the output ${name}`
    const bytes = allocating(what, width * count, () => new Uint8Array(width * count))
    for (let i = 0; i < count; i++) {
      const at = i * this.size + field.offset
      bytes.set(records.subarray(at, at + width), i * width)
    }
    return arrayFrom(field.dtype, bytes, what)
  }

  private field(name: string): Field {
    const field = this.fields.find((candidate) => candidate.name === name)
    if (field) return field
    throw new NanoGptError('program', {
      reason: `the Program has no buffer ${name} here; it has ${this.names()}`,
    })
  }

  private names(): string {
    return this.fields.map((field) => field.name).join(', ') || 'none'
  }
}

function toArray(field: Field, value: number | ArrayLike<number> | undefined): TypedArray {
  const given = typeof value === 'number' ? [value] : value
  if (given?.length !== field.elements) {
    const count = given ? `${given.length} values` : 'nothing'
    throw new NanoGptError('program', {
      subject: field.name,
      reason: `this input takes ${field.elements} values, not ${count}`,
    })
  }
  const array: TypedArray = allocate(field.dtype, field.elements, `the input ${field.name}`)
  array.set(given)
  return array
}
