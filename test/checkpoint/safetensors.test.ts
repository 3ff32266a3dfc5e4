// safetensors: files have the bytes that the reference implementation writes, and are read back
// unchanged. Damaged files are rejected.

import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  decodeSafetensors,
  encodeSafetensors,
  openSafetensors,
  readSafetensors,
  type SafetensorsHeader,
  type SafetensorsInput,
  safetensorsChunks,
} from '../../lib/checkpoint/safetensors'
import { NanoGptError } from '../../lib/errors'
import { writeFileAtomic } from '../../lib/files/atomic'
import { allocate, arrayFrom, bytesOf, bytesPerElement, dtypes, sizeOf } from '../../lib/graph/dtype'
import { runLimited } from '../support/child'
import { testOnLinux, testOnUnix } from '../support/hostile'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nano-gpt-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A file with the given header (an object or its JSON) and `dataLength` zero bytes of data. */
function fileWith(header: unknown, dataLength: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.byteLength + dataLength)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.byteLength), true)
  bytes.set(json, 8)
  return bytes
}

const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
})

/** A file of tensors without elements. */
function emptyTensors(count: number): Uint8Array {
  const entries = Array.from(
    { length: count },
    (_, i) => `"${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`,
  )
  return fileWith(`{${entries.join(',')}}`, 0)
}

describe('writing', () => {
  test('aligns the header, and sorts tensors by dtype, widest first, then by name in UTF-8 order', () => {
    const tensors: SafetensorsInput[] = [
      { name: 'b', dtype: 'f32', shape: [1], data: Float32Array.of(1) },
      { name: '10', dtype: 'u16', shape: [], data: Uint16Array.of(7) },
      { name: 'a', dtype: 'f32', shape: [2], data: Float32Array.of(2, 3) },
      { name: 'z', dtype: 'f64', shape: [1], data: Float64Array.of(4) },
    ]
    const bytes = encodeSafetensors(tensors, { format: 'pt', about: 'x' })
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    expect(
      Buffer.from(bytes.subarray(8, 8 + length))
        .toString()
        .trimEnd(),
    ).toBe(
      '{"__metadata__":{"about":"x","format":"pt"},' +
        '"z":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},' +
        '"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},' +
        '"b":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},' +
        '"10":{"dtype":"U16","shape":[],"data_offsets":[20,22]}}',
    )
    expect(Buffer.concat(safetensorsChunks(tensors, { about: 'x', format: 'pt' }))).toEqual(
      Buffer.from(bytes),
    )
  })

  test.each<[string, SafetensorsInput[], Record<string, unknown>, RegExp]>([
    ['a duplicate name', [tensor('a'), tensor('a')], {}, /two tensors are named "a"/],
    ['the reserved name', [tensor('__metadata__')], {}, /cannot be named "__metadata__"/],
    ['an unpaired surrogate', [tensor('\uD800')], {}, /an unpaired surrogate/],
    ['too little data', [{ ...tensor('a'), shape: [2] }], {}, /"a" has 4 bytes, f32 \[2\] needs 8/],
    [
      'an array of another dtype',
      [{ ...tensor('a'), data: Int32Array.of(1) }],
      {},
      /is f32 but its data is a Int32Array/,
    ],
    ['an unknown dtype', [{ ...tensor('a'), dtype: 'f8' as 'f32' }], {}, /unknown dtype "f8"/],
    ['an impossible shape', [{ ...tensor('a'), shape: [-1] }], {}, /impossible shape \[-1\]/],
    ['metadata that is not a string', [], { step: 1 }, /metadata must be strings, not 1/],
  ])('%s is rejected', (_, tensors, metadata, message) => {
    expect(() => encodeSafetensors(tensors, metadata as Record<string, string>)).toThrow(message)
    expect(() => encodeSafetensors(tensors, metadata as Record<string, string>)).toThrow(NanoGptError)
  })

  function tensor(name: string): SafetensorsInput {
    return { name, dtype: 'f32', shape: [1], data: Float32Array.of(1) }
  }
})

const tensorLists = fc.uniqueArray(
  fc
    .record({
      name: fc.string({ unit: 'binary' }).filter((name) => name !== '__metadata__'),
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    })
    .chain(({ name, dtype, shape }) => {
      const length = sizeOf(shape) * bytesPerElement[dtype]
      return fc
        .uint8Array({ minLength: length, maxLength: length })
        .map((data): SafetensorsInput => ({ name, dtype, shape, data }))
    }),
  { selector: (tensor) => tensor.name, maxLength: 6 },
)
const metadatas = fc
  .dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))
  .map((metadata) => ({ ...metadata }))

describe('reading', () => {
  test('returns what was written, from bytes and from a file', async () => {
    await fc.assert(
      fc.asyncProperty(tensorLists, metadatas, async (tensors, metadata) => {
        const path = join(folder, 'round-trip.safetensors')
        await writeFileAtomic(path, safetensorsChunks(tensors, metadata))
        for (const source of [path, encodeSafetensors(tensors, metadata)]) {
          const read = await readSafetensors(source)
          expect({ ...read.metadata }).toEqual(metadata)
          expect(read.tensors.size).toBe(tensors.length)
          for (const { name, dtype, shape, data } of tensors) {
            const again = read.tensors.get(name)!
            expect([again.name, again.dtype, again.shape]).toEqual([name, dtype, shape])
            expect(again.data.constructor).toBe(allocate(dtype, 0).constructor)
            expect(Buffer.compare(bytesOf(again.data), data as Uint8Array)).toBe(0)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('a tensor may begin at any byte, and its data is copied', () => {
    const bytes = fileWith('{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}', 8)
    bytes.set(bytesOf(Float64Array.of(2.5)), bytes.length - 8)
    const shifted = new Uint8Array(bytes.length + 1)
    shifted.set(bytes, 1)
    const { tensors } = decodeSafetensors(shifted.subarray(1))
    shifted.fill(0)
    expect(tensors.get('a')!.data).toEqual(arrayFrom('f64', bytesOf(Float64Array.of(2.5))))
  })

  test('tensors are ordered by their offsets, not by the header', () => {
    const { tensors } = decodeSafetensors(fileWith({ b: f32([1], 4, 8), a: f32([1], 0, 4) }, 8))
    expect([...tensors.keys()]).toEqual(['a', 'b'])
  })

  test('names with a special meaning in objects are accepted', () => {
    const header =
      '{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"1":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    expect([...decodeSafetensors(fileWith(header, 4)).tensors.keys()].sort()).toEqual(['1', '__proto__'])
  })

  const tooLong = new Uint8Array(16).fill(0xff)
  test.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /it has 0 bytes, too few for a header: it is empty or cut off/],
    ['seven bytes', new Uint8Array(7), /it has 7 bytes/],
    [
      'a huge header length',
      tooLong,
      /its header claims 18446744073709551615 bytes, but nano-gpt reads at most 32000000/,
    ],
    [
      'a cut header',
      fileWith({}, 0).subarray(0, 9),
      /its header claims 2 bytes but the file has 9 in all: it is cut off/,
    ],
    ['an empty header', fileWith('', 0), /its header is not valid: it begins with "", not with "{"/],
    ['a header that is a list', fileWith('[]', 0), /begins with "\["/],
    ['broken JSON', fileWith('{"a":', 0), /its header is not valid/],
    ['an open string', fileWith(`{"a${'\\"'.repeat(1000)}`, 0), /its header is not valid/],
    ['bytes that are no UTF-8', fileWith('{"\u00e9":0}', 0).map((b) => (b === 0xc3 ? 0xff : b)), /not valid/],
    ['deep nesting', fileWith(`{"a":${'['.repeat(100_000)}`, 0), /nests deeper than 16 levels/],
    [
      'a name twice',
      fileWith(
        '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
        0,
      ),
      /the name "a" appears twice/,
    ],
    [
      'a field twice',
      fileWith('{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}', 0),
      /the name "dtype" appears twice/,
    ],
    ['metadata that is a list', fileWith({ __metadata__: [] }, 0), /its metadata is not an object/],
    ['metadata of numbers', fileWith({ __metadata__: { a: 1 } }, 0), /its metadata "a" is 1, not a string/],
    ['a tensor that is null', fileWith({ a: null }, 0), /tensor "a" is described by null/],
    [
      'a dtype we lack',
      fileWith({ a: { dtype: 'I64', shape: [], data_offsets: [0, 8] } }, 8),
      /"a" has dtype "I64"; nano-gpt reads F64, F32/,
    ],
    ['no dtype', fileWith({ a: {} }, 0), /"a" has dtype undefined/],
    [
      'a negative dimension',
      fileWith({ a: f32([-1], 0, 4) }, 4),
      /shape that is not a list of whole numbers/,
    ],
    [
      'a shape of strings',
      fileWith('{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}', 4),
      /shape that is not a list/,
    ],
    [
      'a shape that overflows',
      fileWith({ a: f32([2 ** 31, 2 ** 31, 2 ** 31], 0, 4) }, 4),
      /impossible shape/,
    ],
    [
      'a shape that overflows into 0',
      fileWith({ a: f32([2 ** 52, 2 ** 52, 0], 0, 0) }, 0),
      /impossible shape/,
    ],
    [
      'offsets in reverse',
      fileWith({ a: f32([1], 4, 0) }, 4),
      /data_offsets that are not two whole numbers in order/,
    ],
    [
      'three offsets',
      fileWith('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}', 4),
      /data_offsets/,
    ],
    [
      'a shape of nine dimensions',
      fileWith({ a: f32(Array(9).fill(1), 0, 4) }, 4),
      /"a" has 9 dimensions; nano-gpt reads at most 8/,
    ],
    ['more tensors than any model has', emptyTensors(100_001), /it has more than 100000 members/],
    [
      'a shape of a million dimensions',
      fileWith(`{"a":{"dtype":"F32","shape":[1${',1'.repeat(1_000_000)}],"data_offsets":[0,4]}}`, 4),
      /it has more than 1000000 values/,
    ],
    ['an offset with a fraction', fileWith({ a: f32([1], 0, 4.5) }, 4), /data_offsets/],
    ['the wrong byte count', fileWith({ a: f32([2], 0, 4) }, 4), /"a" has 4 bytes, f32 \[2\] needs 8/],
    ['an overlap', fileWith({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), /"b" overlaps the one before it/],
    ['the same bytes twice', fileWith({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4), /"b" overlaps/],
    [
      'a hole',
      fileWith({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
      /4 bytes before tensor "b" belong to no tensor/,
    ],
    ['a hole at the start', fileWith({ a: f32([1], 4, 8) }, 8), /4 bytes before tensor "a"/],
    [
      'too little data',
      fileWith({ a: f32([2], 0, 8) }, 7),
      /its tensors need 8 bytes but 7 are there: it is cut off/,
    ],
    ['too much data', fileWith({ a: f32([2], 0, 8) }, 9), /1 bytes at its end belong to no tensor/],
  ])('%s is rejected', async (name, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(message)
    const path = join(folder, `${name.replaceAll(' ', '-')}.safetensors`)
    await writeFile(path, bytes)
    await expect(readSafetensors(path)).rejects.toThrow(message)
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code: 'safetensors',
      message: expect.stringContaining(path),
    })
  })

  testOnUnix('a file is judged by its metadata, then by its header, before its data is read', async () => {
    const path = join(folder, 'large.safetensors')
    const size = 3 * 2 ** 30
    await writeFile(
      path,
      fileWith(
        {
          __metadata__: { about: 'x' },
          a: { dtype: 'I64', shape: [1], data_offsets: [0, 8] },
          w: f32([size / 4], 8, size),
        },
        0,
      ),
    )
    await truncate(path, (await stat(path)).size + size)
    const refused = new Error('refused')
    const refuse = () => {
      throw refused
    }
    const before = process.memoryUsage().rss
    await expect(readSafetensors(path, { metadata: refuse })).rejects.toBe(refused)
    await expect(readSafetensors(path, { header: refuse })).rejects.toThrow('"a" has dtype "I64"')
    await writeFile(path, fileWith({ w: f32([size / 4], 0, size) }, 0))
    await truncate(path, (await stat(path)).size + size)
    let header: SafetensorsHeader | undefined
    const byHeader = readSafetensors(path, {
      header(found) {
        header = found
        refuse()
      },
    })
    await expect(byHeader).rejects.toBe(refused)
    expect(header!.tensors.get('w')).toMatchObject({ dtype: 'f32', shape: [size / 4] })
    expect(header!.metadata).toEqual({})
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6)
  })

  test('many tensors leave time for other events', async () => {
    const path = join(folder, 'many.safetensors')
    await writeFile(path, emptyTensors(50_000))
    let [turns, reading] = [0, true]
    const count = () => {
      turns++
      if (reading) setImmediate(count)
    }
    setImmediate(count)
    expect((await readSafetensors(path)).tensors.size).toBe(50_000)
    reading = false
    expect(turns).toBeGreaterThan(100)
  })

  testOnUnix('more data than the machine has memory is rejected, with the size', async () => {
    const path = join(folder, 'enormous.safetensors')
    const size = 2 ** 43
    await writeFile(path, fileWith({ w: f32([size / 4], 0, size) }, 0))
    await truncate(path, (await stat(path)).size + size)
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code: 'out_of_memory',
      subject: path,
      message: expect.stringMatching(/its tensors need 8.80 TB of memory, but this machine has \d/),
    })
  })

  testOnLinux('a tensor that no memory is left for is reported as such, not as damage', async () => {
    const path = join(folder, 'no-memory.safetensors')
    const size = 6_000_000_000
    await writeFile(path, fileWith({ __metadata__: {}, w: f32([size / 4], 0, size) }, 0))
    await truncate(path, (await stat(path)).size + size)
    const { stdout, stderr } = await runLimited(
      'ulimit -v 6000000',
      `const { readSafetensors } = require('./lib/checkpoint/safetensors.ts')
      await readSafetensors(${JSON.stringify(path)}).catch(({ code, message }) => console.log(code, message))`,
    )
    expect(stderr).toBe('')
    // The second one is that of a machine with less memory in all.
    expect(stdout).toMatch(
      /^out_of_memory .*no-memory.safetensors: (there is no memory for the 6000000000 bytes of tensor "w"|its tensors need 6.00 GB)/,
    )
  })

  test('an unterminated string of a megabyte is rejected quickly', () => {
    const started = performance.now()
    expect(() => decodeSafetensors(fileWith(`{"${'\\"'.repeat(500_000)}`, 0))).toThrow('header is not valid')
    expect(performance.now() - started).toBeLessThan(2000)
  })

  test('a missing file and a folder are rejected', async () => {
    const missing = join(folder, 'missing')
    await expect(readSafetensors(missing)).rejects.toMatchObject({
      code: 'file_not_found',
      message: `there is no file ${missing}`,
    })
    await expect(readSafetensors(folder)).rejects.toMatchObject({ name: 'NanoGptError' })
  })

  const valid = encodeSafetensors(
    [
      { name: 'w', dtype: 'f32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      { name: 'b', dtype: 'u16', shape: [3], data: Uint16Array.of(1, 2, 3) },
      { name: 'é', dtype: 'f64', shape: [], data: Float64Array.of(1) },
    ],
    { nano_gpt: '{"step":"12"}' },
  )

  test('random damage gives a NanoGptError or a valid result, never anything else', () => {
    const change = fc.record({ at: fc.nat(valid.length - 1), to: fc.integer({ min: 0, max: 255 }) })
    // Half of the changes are characters with a meaning in JSON. These get further into the reader
    // than random bytes.
    const meaningful = fc.record({
      at: fc.nat(valid.length - 1),
      to: fc.constantFrom(...Buffer.from('0123456789{}[]",:\\-e. ')),
    })
    fc.assert(
      fc.property(
        fc.array(fc.oneof(change, meaningful), { maxLength: 4 }),
        fc.integer({ min: 0, max: valid.length + 8 }),
        fc.boolean(),
        (changes, length, cut) => {
          const damaged = new Uint8Array(cut ? length : valid.length)
          damaged.set(valid.subarray(0, damaged.length))
          for (const { at, to } of changes) if (at < damaged.length) damaged[at] = to
          expectErrorOfOursOrValid(damaged)
        },
      ),
      { numRuns: 5000 },
    )
  })

  test('every truncation is detected', () => {
    for (let length = 0; length < valid.length; length++) {
      expect(() => decodeSafetensors(valid.slice(0, length))).toThrow(NanoGptError)
    }
  })

  test('headers of random JSON give a NanoGptError or a valid result', () => {
    const number = fc.oneof(fc.integer({ min: 0, max: 16 }), fc.double())
    const entry = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom('F32', 'U16', 'BOOL'), fc.jsonValue()),
        shape: fc.oneof(fc.array(number, { maxLength: 3 }), fc.jsonValue()),
        data_offsets: fc.oneof(fc.tuple(number, number), fc.jsonValue()),
      },
      { requiredKeys: [] },
    )
    const header = fc.dictionary(fc.string(), fc.oneof(entry, fc.jsonValue()), { maxKeys: 3 })
    fc.assert(
      fc.property(header, fc.nat(16), (json, length) => expectErrorOfOursOrValid(fileWith(json, length))),
      { numRuns: 2000 },
    )
  })

  function expectErrorOfOursOrValid(bytes: Uint8Array): void {
    try {
      for (const { dtype, shape, data } of decodeSafetensors(bytes).tensors.values()) {
        expect(data.length).toBe(sizeOf(shape))
        expect(dtypes).toContain(dtype)
      }
    } catch (error) {
      if (!(error instanceof NanoGptError)) throw error
    }
  }
})

test('a tensor that is read later comes part by part, from any byte to any other', async () => {
  const file = join(folder, 'later.safetensors')
  const data = Float32Array.from({ length: 50 }, (_, i) => i / 7)
  const other = { name: 'a', dtype: 'f32', shape: [3], data: new Float32Array(3) } as const
  await writeFile(file, encodeSafetensors([other, { name: 'b', dtype: 'f32', shape: [5, 10], data }]))
  const tensor = (await openSafetensors(file)).get('b')!
  expect(tensor).toMatchObject({ name: 'b', dtype: 'f32', shape: [5, 10], bytes: 200 })
  for (const [size, from, to] of [
    [200, 0, 200],
    [7, 3, 180],
    [64, 100, 164],
    [300, 8, 200],
    [5, 60, 60],
  ]) {
    const memory = new Uint8Array(size)
    const parts: number[] = []
    for await (const part of tensor.parts(memory, from, to)) {
      expect(part.buffer).toBe(memory.buffer)
      parts.push(...part)
    }
    expect(parts).toEqual([...bytesOf(data).subarray(from, to)])
  }
})
