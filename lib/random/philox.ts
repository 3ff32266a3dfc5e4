// Random numbers as a function of (element, site, draw, seed): Philox 4×32-10, and the
// distributions computed from it. docs/program.md, "Random numbers", is the specification.
// test/random/philox.json holds the test vectors for all implementations.

import { NanoGptError, show } from '../errors'

// Cached, because every access to a global is slow under jest and this is called for each random
// number.
const { imul } = Math

/** A 64-bit seed as two unsigned 32-bit words. */
export interface Seed {
  readonly low: number
  readonly high: number
}

/**
 * Splits a seed given by the user into two words.
 *
 * @param value an integer from 0 to 2⁵³ − 1, or a bigint from 0 to 2⁶⁴ − 1
 * @throws NanoGptError 'option' for any other value
 */
export function seedFrom(value: number | bigint): Seed {
  const whole = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value) : -1n
  if (whole < 0n || whole >= 1n << 64n) {
    throw new NanoGptError(
      'option',
      `seed is ${show(value)}: it must be an integer from 0 to 2^53 - 1, or a bigint from 0n to 2n ** 64n - 1n`,
    )
  }
  return { low: Number(whole & 0xffffffffn), high: Number(whole >> 32n) }
}

/** The seed as one integer. Checkpoints store it in decimal. */
export function seedToBigInt(seed: Seed): bigint {
  return (BigInt(seed.high) << 32n) | BigInt(seed.low)
}

/**
 * The site of a path and purpose, such as `blocks.3.attention.dropout`: the FNV-1a 32-bit hash of
 * its UTF-8 bytes. Because sites are named by path, changes elsewhere in the model leave a site's
 * random numbers unchanged.
 */
export function site(path: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(path, 'utf8')) hash = imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/**
 * The high 32 bits of a · b, computed from products of 16-bit halves so that each sum stays below
 * 2³².
 */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = (imul(aHigh, bLow) >>> 0) + (imul(aLow, bLow) >>> 16)
  const carry = (imul(aLow, bHigh) >>> 0) + (middle & 0xffff)
  return (imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0
}

/**
 * Computes one block of four random words into `out` (length 4), without allocating.
 *
 * All words are taken modulo 2³². `blockLow` and `blockHigh` are the two words of ⌊element / 4⌋.
 */
export function philoxInto(
  out: Uint32Array,
  blockLow: number,
  blockHigh: number,
  siteId: number,
  draw: number,
  seedLow: number,
  seedHigh: number,
): void {
  let c0 = blockLow | 0
  let c1 = blockHigh | 0
  let c2 = siteId | 0
  let c3 = draw | 0
  let k0 = seedLow | 0
  let k1 = seedHigh | 0
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0)
    const low0 = imul(0xd2511f53, c0)
    const high1 = multiplyHigh(0xcd9e8d57, c2)
    const low1 = imul(0xcd9e8d57, c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + 0x9e3779b9) | 0
    k1 = (k1 + 0xbb67ae85) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/** Like `philoxInto`, but returns a new array. */
export function philox(
  blockLow: number,
  blockHigh: number,
  siteId: number,
  draw: number,
  seedLow: number,
  seedHigh: number,
): Uint32Array {
  const out = new Uint32Array(4)
  philoxInto(out, blockLow, blockHigh, siteId, draw, seedLow, seedHigh)
  return out
}

const block = new Uint32Array(4)

/**
 * The random word (u32) of an element.
 *
 * @param element an integer from 0 to 2⁵³ − 1
 */
export function word(element: number, siteId: number, draw: number, seed: Seed): number {
  const index = Math.floor(element / 4)
  philoxInto(block, index, index / 0x100000000, siteId, draw, seed.low, seed.high)
  return block[element % 4]
}

/** The uniform random number in [0, 1) of an element. It has 24 bits, so it is exact in f32. */
export function uniform(element: number, siteId: number, draw: number, seed: Seed): number {
  return (word(element, siteId, draw, seed) >>> 8) * 2 ** -24
}

/** Calls `visit(element, word)` for elements 0 … length − 1. One Philox block yields four words. */
function forEachWord(
  length: number,
  siteId: number,
  draw: number,
  seed: Seed,
  visit: (element: number, word: number) => void,
): void {
  const words = new Uint32Array(4)
  for (let start = 0; start < length; start += 4) {
    const index = start / 4
    philoxInto(words, index, index / 0x100000000, siteId, draw, seed.low, seed.high)
    const count = Math.min(4, length - start)
    for (let i = 0; i < count; i++) visit(start + i, words[i])
  }
}

/**
 * Fills `out` with U(−bound, bound), at draw 0. The values are rounded to f32 even in a
 * Float64Array, so that models of both precisions start from the same weights.
 */
export function uniformFill(
  out: Float32Array | Float64Array,
  bound: number,
  siteId: number,
  seed: Seed,
): void {
  forEachWord(out.length, siteId, 0, seed, (element, random) => {
    const u = (random >>> 8) * 2 ** -24
    out[element] = Math.fround((2 * u - 1) * bound)
  })
}

/**
 * Fills `out` with normal values of mean 0 and standard deviation `deviation`, at draw 0. It uses
 * the Box–Muller transform: elements 2i and 2i + 1 are the cosine and the sine of one pair of
 * words. The values are rounded to f32, even in a Float64Array.
 */
export function normalFill(
  out: Float32Array | Float64Array,
  siteId: number,
  seed: Seed,
  deviation = 1,
): void {
  const words = new Uint32Array(4)
  for (let start = 0; start < out.length; start += 4) {
    const index = start / 4
    philoxInto(words, index, index / 0x100000000, siteId, 0, seed.low, seed.high)
    for (let i = 0; i < 4 && start + i < out.length; i += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log((words[i] + 0.5) * 2 ** -32))
      const angle = 2 * Math.PI * ((words[i + 1] + 0.5) * 2 ** -32)
      out[start + i] = Math.fround(radius * Math.cos(angle))
      if (start + i + 1 < out.length) out[start + i + 1] = Math.fround(radius * Math.sin(angle))
    }
  }
}

/**
 * The smallest word for which dropout with probability `p` keeps an element; see `keepMask`.
 *
 * @throws NanoGptError 'option' unless 0 ≤ p < 1
 */
export function keepThreshold(p: number): number {
  if (!(p >= 0 && p < 1)) {
    throw new NanoGptError('option', `dropout is ${show(p)}: it must be at least 0 and less than 1`)
  }
  return Math.floor(p * 0x100000000)
}

/**
 * Fills `out` with a dropout mask: 1 where the element is kept (its word ≥ ⌊p · 2³²⌋), else 0.
 *
 * @throws NanoGptError 'option' unless 0 ≤ p < 1
 */
export function keepMask(out: Uint8Array, p: number, siteId: number, draw: number, seed: Seed): void {
  const threshold = keepThreshold(p)
  forEachWord(out.length, siteId, draw, seed, (element, random) => {
    out[element] = random >= threshold ? 1 : 0
  })
}

/**
 * Fills `out` with the start offsets of a batch's sequences in a corpus. They are uniform over 0 …
 * corpusLength − blockSize − 1, so that the targets, one token later, are inside the corpus too.
 *
 * @param out one offset per sequence
 * @throws NanoGptError 'data_too_short' unless corpusLength > blockSize
 */
export function batchOffsets(
  out: Uint32Array,
  corpusLength: number,
  blockSize: number,
  siteId: number,
  draw: number,
  seed: Seed,
): void {
  const choices = corpusLength - blockSize
  if (!(choices >= 1)) {
    throw new NanoGptError(
      'data_too_short',
      `a corpus of ${corpusLength} tokens has no block of ${blockSize} tokens and their targets: ` +
        `use a blockSize of at most ${corpusLength - 1}, or a longer text`,
    )
  }
  forEachWord(out.length, siteId, draw, seed, (element, random) => {
    out[element] = Math.floor((random / 0x100000000) * choices)
  })
}
