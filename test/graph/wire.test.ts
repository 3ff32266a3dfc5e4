// The wire format of Programs: every Program survives a round trip, and damaged bytes cause nothing
// worse than an error.

import fc from 'fast-check'
import { NanoGptError } from '../../lib/errors'
import { dtypes } from '../../lib/graph/dtype'
import { type Program, print, roles } from '../../lib/graph/program'
import { decode, encode } from '../../lib/graph/wire'
import { fusedOpNames, opsByName } from '../../lib/ops'
import { fuse } from '../../lib/passes/fuse'
import { configs, programsOf } from '../support/models'
import { Numbers } from '../support/numeric'

const real = Object.entries(configs).flatMap(([kind, config]) =>
  Object.entries(programsOf(config)).flatMap(([name, program]) => [
    { name: `${kind}: ${name}`, program },
    { name: `${kind}: ${name}, fused`, program: fuse(program, fusedOpNames) },
  ]),
)

const text = fc.string({ unit: 'binary', maxLength: 12 })
/** A number other than −0, which the integers among attributes cannot represent. */
const float = fc.double().map((value) => value + 0)

const programs = fc
  .array(
    fc.record({
      name: text,
      dtype: fc.constantFrom(...dtypes),
      role: fc.constantFrom(...roles),
      // Within the limit of 10¹² bytes.
      shape: fc.oneof(
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 8 }),
        fc.tuple(fc.integer({ min: 1, max: 2 ** 32 - 1 })),
      ),
    }),
    { maxLength: 20 },
  )
  .chain((buffers) => {
    const ids =
      buffers.length === 0 ? fc.constant([]) : fc.array(fc.nat(buffers.length - 1), { maxLength: 6 })
    const op = fc.constantFrom('', 'no_such_op', ...opsByName.keys()).chain((op) => {
      const integers = opsByName.get(op)?.integers ?? []
      const attributes = fc
        .dictionary(
          fc.oneof(text, fc.constantFrom('p', 'value', '__proto__', 'constructor')),
          fc.oneof(fc.boolean(), float),
          {
            maxKeys: 5,
            noNullPrototype: true,
          },
        )
        .chain((rest) =>
          fc.record(Object.fromEntries(integers.map((name) => [name, fc.maxSafeInteger()]))).map((whole) => {
            return { ...rest, ...whole }
          }),
        )
      return fc.record({ op: fc.constant(op), inputs: ids, outputs: ids, attributes })
    })
    return fc.record({ name: text, buffers: fc.constant(buffers), ops: fc.array(op, { maxLength: 15 }) })
  }) as fc.Arbitrary<Program>

test('decode(encode(program)) equals the program', () => {
  fc.assert(
    fc.property(programs, (program) => {
      const bytes = encode(program, opsByName)
      const decoded = decode(bytes)
      expect(decoded).toEqual(program)
      expect(encode(decoded, opsByName)).toEqual(bytes)
    }),
    { numRuns: 200 },
  )
})

test('the limits of a Program', () => {
  const names = ['', '\ufeffmark', 'é', '😀', 'x'.repeat(65535)]
  const buffers = names.map((name) => ({ name, dtype: 'f32', role: 'temporary', shape: [] }) as const)
  // Nothing follows the smallest buffers, so a decoder that assumes larger ones rejects them.
  const smallest = Array.from(
    { length: 100 },
    () => ({ name: '', dtype: 'u32', role: 'input', shape: [] }) as const,
  )
  const values = { a: Number.MAX_VALUE, b: 5e-324, c: -Infinity, d: Number.NaN, e: true, f: false, ab: 0.1 }
  const cases: Program[] = [
    { name: '', buffers: [], ops: [] },
    { name: 'names', buffers, ops: [] },
    { name: 'small', buffers: smallest, ops: [] },
    { name: 'values', buffers: [], ops: [{ op: 'x', inputs: [], outputs: [], attributes: values }] },
    {
      name: 'integers',
      buffers: [],
      ops: [{ op: 'dropout', inputs: [], outputs: [], attributes: { site: Number.MAX_SAFE_INTEGER, p: 3 } }],
    },
  ]
  for (const program of cases) expect(decode(encode(program, opsByName))).toEqual(program)
})

test.each(real)('$name', ({ program }) => {
  const decoded = decode(encode(program, opsByName))
  expect(decoded).toEqual(program)
  expect(print(decoded)).toBe(print(program))
})

test('the bytes match docs/program.md', () => {
  const program: Program = {
    name: 'p',
    buffers: [{ name: 'x', dtype: 'u16', role: 'input', shape: [3, 258] }],
    ops: [{ op: 'op', inputs: [0, 0], outputs: [0], attributes: { b: true, a: 0.5 } }],
  }
  // biome-ignore format: one line per field
  const expected = [
    0x4e, 0x47, 0x50, 0x54, 1, 0, 0, 0,
    1, 0, 0x70,
    1, 0, 0, 0,
    1, 0, 0x78, 5, 1, 2, 3, 0, 0, 0, 2, 1, 0, 0,
    1, 0, 0, 0,
    2, 0, 0x6f, 0x70,
    2, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 0, 0, 0, 0, 0,
    2, 0,
    1, 0, 0x61, 2, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f,
    1, 0, 0x62, 0, 1,
  ]
  expect(Array.from(encode(program, opsByName))).toEqual(expected)
})

describe('damaged bytes', () => {
  /** decode, or the error; any error but a NanoGptError is a bug. */
  function attempt(bytes: Uint8Array): Program | NanoGptError {
    try {
      return decode(bytes)
    } catch (error) {
      if (error instanceof NanoGptError && error.code === 'invalid_program') return error
      throw error
    }
  }

  const some = real.filter(({ name }) => /bigram|decoder: (update|decode, fused)$/.test(name))

  test.each(some.slice(0, -1))('$name: every truncation is rejected', ({ program }) => {
    const bytes = encode(program, opsByName)
    for (let length = 0; length < bytes.length; length++) {
      expect(attempt(bytes.subarray(0, length))).toBeInstanceOf(NanoGptError)
    }
  })

  test('an additional byte is rejected', () => {
    for (const { program } of some) {
      const bytes = encode(program, opsByName)
      expect(attempt(new Uint8Array([...bytes, 0]))).toMatchObject({
        message: expect.stringContaining('1 bytes follow'),
      })
    }
  })

  test('random changes give an error or a Program', () => {
    const numbers = new Numbers('wire mutations')
    const originals = some.map(({ program }) => encode(program, opsByName))
    let errors = 0
    let survivors = 0
    for (let round = 0; round < 8000; round++) {
      const bytes = numbers.pick(originals).slice()
      for (let i = 0; i <= numbers.word() % 4; i++) bytes[numbers.word() % bytes.length] = numbers.word()
      const result = attempt(bytes)
      if (result instanceof NanoGptError) errors++
      else {
        survivors++
        const ids = result.ops.flatMap(({ inputs, outputs }) => [...inputs, ...outputs])
        expect(ids.every((id) => id < result.buffers.length)).toBe(true)
      }
    }
    // Both must happen often, or the test tests nothing.
    expect(errors).toBeGreaterThan(500)
    expect(survivors).toBeGreaterThan(500)
  })

  const bytesOf = (...parts: number[][]) => Uint8Array.from(parts.flat())
  const u16 = (value: number) => [value & 255, value >>> 8]
  const u32 = (value: number) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]
  const head = [...u32(0x5450474e), ...u16(1), ...u16(0)]
  const none = u32(0)
  const oneOp = (attributes: number[][]) =>
    bytesOf(head, u16(0), none, u32(1), u16(0), u16(0), u16(0), u16(attributes.length), attributes.flat())
  const named = (name: string, tag: number, ...value: number[]) => [
    ...u16(name.length),
    ...Buffer.from(name),
    tag,
    ...value,
  ]

  test.each([
    ['nothing', bytesOf(), 'end inside magic'],
    ['another magic number', bytesOf(u32(0x46554747), u16(1), u16(0)), 'not a Program'],
    [
      'another version',
      bytesOf(u32(0x5450474e), u16(2), u16(0)),
      'wire version 2; this library reads version 1',
    ],
    ['an unknown precision', bytesOf(u32(0x5450474e), u16(1), u16(7)), 'unknown precision'],
    ['too many buffers', bytesOf(head, u16(0), u32(2 ** 32 - 1)), 'at most 65536'],
    [
      'buffers beyond the limit',
      bytesOf(head, u16(0), u32(65537), new Array<number>(65537 * 5).fill(0)),
      '65536',
    ],
    ['too many ops', bytesOf(head, u16(0), none, u32(2 ** 32 - 1)), 'at most 65536'],
    ['more ops than bytes', bytesOf(head, u16(0), none, u32(3), new Array<number>(23).fill(0)), 'do not fit'],
    ['an unknown dtype', bytesOf(head, u16(0), u32(1), u16(0), [8, 0, 0], none), 'dtype'],
    ['an unknown role', bytesOf(head, u16(0), u32(1), u16(0), [0, 4, 0], none), 'role'],
    [
      'rank 9',
      bytesOf(head, u16(0), u32(1), u16(0), [0, 0, 9], ...new Array<number[]>(9).fill(u32(1)), none),
      'rank',
    ],
    ['a dimension of 0', bytesOf(head, u16(0), u32(1), u16(0), [0, 0, 1], u32(0), none), 'at least 1'],
    [
      'a huge buffer',
      bytesOf(head, u16(0), u32(1), u16(0), [0, 0, 2], u32(2 ** 32 - 1), u32(2 ** 32 - 1), none),
      'larger than',
    ],
    [
      'a missing buffer',
      bytesOf(head, u16(0), none, u32(1), u16(0), u16(1), u32(0), u16(0), u16(0)),
      'buffer 0 of 0',
    ],
    ['a name that is not UTF-8', bytesOf(head, u16(2), [0xc3, 0x28], none, none), 'UTF-8'],
    ['a bool 2', oneOp([named('a', 0, 2)]), 'bool 2'],
    ['an unknown tag', oneOp([named('a', 3)]), 'tag 3'],
    ['an unsafe integer', oneOp([named('a', 1, 0, 0, 0, 0, 0, 0, 0, 0x7f)]), 'safe integer'],
    ['unsorted attributes', oneOp([named('b', 0, 1), named('a', 0, 1)]), 'sorted'],
    ['a duplicate attribute', oneOp([named('a', 0, 1), named('a', 0, 0)]), 'none twice'],
  ])('%s', (_, bytes, message) => {
    expect(attempt(bytes)).toMatchObject({ message: expect.stringContaining(message) })
  })

  test('a well-formed variant is decoded', () => {
    expect(attempt(oneOp([named('a', 0, 1)]))).toMatchObject({ ops: [{ attributes: { a: true } }] })
  })
})

test('Programs that do not fit the wire format are rejected', () => {
  const buffer = { name: 'x'.repeat(65536), dtype: 'f32', role: 'input', shape: [] } as const
  expect(() => encode({ name: '', buffers: [buffer], ops: [] }, opsByName)).toThrow('does not fit 16 bits')
})
