// Compares arrays bit for bit, and fast: Jest's toEqual takes a second for ten thousand numbers.

import type { TypedArray } from '../../lib/graph/dtype'

type Arrays = Readonly<Record<string, TypedArray | readonly number[]>>

/**
 * Fails with the first array and element that differ. NaNs are equal if their bits are; 0 isn't −0.
 */
export function expectSameBits(got: Arrays, expected: Arrays): void {
  expect(Object.keys(got)).toEqual(Object.keys(expected))
  for (const [name, values] of Object.entries(expected)) {
    const [a, b] = [bitsOf(got[name]), bitsOf(values)]
    if (Buffer.compare(a, b) === 0) continue
    const at = Array.from(values).findIndex((value, i) => !Object.is(value, got[name][i]))
    throw new Error(
      `${name}[${at}] is ${got[name][at]}, not ${values[at]} (${got[name].length} and ${values.length} elements)`,
    )
  }
}

export function sameBits(a: TypedArray | readonly number[], b: TypedArray | readonly number[]): boolean {
  return Buffer.compare(bitsOf(a), bitsOf(b)) === 0
}

function bitsOf(values: TypedArray | readonly number[]): Buffer {
  const array = ArrayBuffer.isView(values) ? values : Float64Array.from(values)
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength)
}
