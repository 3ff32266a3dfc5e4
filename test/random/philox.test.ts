// Philox: its published test vectors, vectors of an independent implementation (philox.json), and
// its distributions.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { NanoGptError } from '../../lib/errors'
import {
  batchOffsets,
  keepMask,
  normalFill,
  philox,
  seedFrom,
  seedToBigInt,
  site,
  uniform,
  uniformFill,
  word,
} from '../../lib/random/philox'

interface Vectors {
  blocks: { counter: string; key: string; words: string }[]
  sites: { path: string; site: number }[]
  words: { element: number; site: number; draw: number; seed: string; word: number; uniform: number }[]
  uniformFill: { site: number; seed: string; bound: number; values: number[] }[]
  normalFill: { site: number; seed: string; values: number[] }[]
  keepMask: { site: number; draw: number; seed: string; p: number; values: number[] }[]
  batchOffsets: {
    site: number
    draw: number
    seed: string
    corpusLength: number
    blockSize: number
    values: number[]
  }[]
}

const vectors: Vectors = JSON.parse(readFileSync(join(__dirname, 'philox.json'), 'utf8'))
const hex = (words: Iterable<number>) => Array.from(words, (w) => w.toString(16).padStart(8, '0')).join(' ')
const parse = (text: string) => text.split(' ').map((w) => Number.parseInt(w, 16))
const seedOf = (text: string) => seedFrom(BigInt(text))

test('the published test vectors', () => {
  const answers = [
    '6627e8d5 e169c58d bc57ac4c 9b00dbd8',
    '408f276d 41c83b0e a20bc7c6 6d5451fd',
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  ]
  expect(vectors.blocks.map((block) => block.words)).toEqual(answers)
  for (const { counter, key, words } of vectors.blocks) {
    const [c0, c1, c2, c3] = parse(counter)
    const [k0, k1] = parse(key)
    expect(hex(philox(c0, c1, c2, c3, k0, k1))).toBe(words)
  }
})

test('sites', () => {
  for (const vector of vectors.sites) expect(site(vector.path)).toBe(vector.site)
})

test('words and uniform numbers', () => {
  for (const vector of vectors.words) {
    const { element, draw } = vector
    expect(word(element, vector.site, draw, seedOf(vector.seed))).toBe(vector.word)
    expect(uniform(element, vector.site, draw, seedOf(vector.seed))).toBe(vector.uniform)
  }
})

test.each([Float32Array, Float64Array])('initializers, in a %p', (Floats) => {
  for (const { site, seed, bound, values } of vectors.uniformFill) {
    const out = new Floats(values.length)
    uniformFill(out, bound, site, seedOf(seed))
    expect([...out]).toEqual(values)
  }
  for (const { site, seed, values } of vectors.normalFill) {
    const out = new Floats(values.length)
    normalFill(out, site, seedOf(seed))
    expect([...out]).toEqual(values)
  }
})

test('dropout masks', () => {
  for (const { site, draw, seed, p, values } of vectors.keepMask) {
    const out = new Uint8Array(values.length)
    keepMask(out, p, site, draw, seedOf(seed))
    expect([...out]).toEqual(values)
  }
})

test('batch offsets', () => {
  for (const { site, draw, seed, corpusLength, blockSize, values } of vectors.batchOffsets) {
    const out = new Uint32Array(values.length)
    batchOffsets(out, corpusLength, blockSize, site, draw, seedOf(seed))
    expect([...out]).toEqual(values)
  }
})

/** The definition, literally, in exact integers. */
function plainPhilox(counter: bigint[], key: bigint[]): bigint[] {
  const mask = 0xffffffffn
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * counter[0]
    const p1 = 0xcd9e8d57n * counter[2]
    counter = [(p1 >> 32n) ^ counter[1] ^ key[0], p1 & mask, (p0 >> 32n) ^ counter[3] ^ key[1], p0 & mask]
    key = [(key[0] + 0x9e3779b9n) & mask, (key[1] + 0xbb67ae85n) & mask]
  }
  return counter
}

const u32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffffffff),
)

test('any counter and key', () => {
  fc.assert(
    fc.property(fc.tuple(u32, u32, u32, u32), fc.tuple(u32, u32), (c, k) => {
      const expected = plainPhilox(c.map(BigInt), k.map(BigInt)).map(Number)
      expect([...philox(...c, ...k)]).toEqual(expected)
    }),
  )
})

test('filling equals single draws, for any element and length', () => {
  const seed = seedFrom(1337)
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 30 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (length, p) => {
        const mask = maskOf(length, p, seed)
        const expected = Array.from(mask, (_, e) => (word(e, 5, 9, seed) >= Math.floor(p * 2 ** 32) ? 1 : 0))
        expect([...mask]).toEqual(expected)
      },
    ),
  )
})

function maskOf(length: number, p: number, seed: ReturnType<typeof seedFrom>): Uint8Array {
  const mask = new Uint8Array(length)
  keepMask(mask, p, 5, 9, seed)
  return mask
}

test('an element of an odd-length fill does not depend on the length', () => {
  const long = new Float32Array(9)
  const short = new Float32Array(7)
  normalFill(long, 3, seedFrom(1))
  normalFill(short, 3, seedFrom(1))
  expect([...short]).toEqual([...long.subarray(0, 7)])
})

test('the distributions have the expected moments', () => {
  const normal = new Float64Array(100_000)
  normalFill(normal, site('normal'), seedFrom(1337))
  expect(mean(normal)).toBeCloseTo(0, 1)
  expect(mean(normal.map((x) => x * x))).toBeCloseTo(1, 1)
  expect(mean(normal.map((x) => x ** 4))).toBeCloseTo(3, 0)
  const flat = new Float64Array(100_000)
  uniformFill(flat, 2, site('flat'), seedFrom(1337))
  expect(mean(flat)).toBeCloseTo(0, 1)
  expect(mean(flat.map((x) => x * x))).toBeCloseTo(4 / 3, 1)
  expect(flat.every((x) => x >= -2 && x < 2)).toBe(true)
  const mask = new Uint8Array(100_000)
  keepMask(mask, 0.2, site('mask'), 3, seedFrom(1337))
  expect(mean(Float64Array.from(mask))).toBeCloseTo(0.8, 2)
})

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

test('batch offsets stay in range and reach both ends', () => {
  const out = new Uint32Array(1000)
  batchOffsets(out, 20, 8, 1, 2, seedFrom(3))
  expect([Math.min(...out), Math.max(...out)]).toEqual([0, 11])
})

test('seeds', () => {
  expect(seedFrom(0)).toEqual({ low: 0, high: 0 })
  expect(seedFrom(2 ** 32 + 5)).toEqual({ low: 5, high: 1 })
  expect(seedFrom(2n ** 64n - 1n)).toEqual({ low: 0xffffffff, high: 0xffffffff })
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (n) => {
      expect(seedToBigInt(seedFrom(n))).toBe(n)
    }),
  )
})

test.each([-1, 1.5, Number.NaN, Infinity, 2 ** 53, -1n, 2n ** 64n, '7', undefined])(
  'the seed %p is rejected',
  (value) => {
    expect(() => seedFrom(value as number)).toThrow(NanoGptError)
    expect(() => seedFrom(value as number)).toThrow(/^seed is .*: it must be an integer from 0/)
  },
)

test('errors name the bad argument', () => {
  const seed = seedFrom(1)
  expect(() => keepMask(new Uint8Array(1), 1, 0, 0, seed)).toThrow('dropout is 1')
  expect(() => keepMask(new Uint8Array(1), Number.NaN, 0, 0, seed)).toThrow('dropout is NaN')
  expect(() => batchOffsets(new Uint32Array(1), 8, 8, 0, 0, seed)).toThrow('use a blockSize of at most 7')
})
