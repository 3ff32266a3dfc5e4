// Pre-tokenization: divides a text into pieces, which tokens never cross.
//
// GPT-2's division (Radford et al. 2019, `encoder.py`): English contractions; letters, digits and other
// signs, each run with one space before it; and white space, without the space that belongs to the next
// piece. As a regular expression, which a test compares, with s for \p{White_Space}:
//
//     '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^s\p{L}\p{N}]+|s+(?!\S)|s+
//
// It works on UTF-8, because most of a text is ASCII, and strings of other characters are slower to read.
// A byte that belongs to no character is a sign.

const sign = 1
const letter = 2
const digit = 3
const white = 4
const patterns = [
  [letter, /^\p{L}$/u],
  [digit, /^\p{N}$/u],
  [white, /^\p{White_Space}$/u],
] as const

function findKind(codePoint: number): number {
  const character = String.fromCodePoint(codePoint)
  return patterns.find(([, pattern]) => pattern.test(character))?.[0] ?? sign
}

/** The kind of each byte that is a character; 0: the byte is part of a longer character. */
const kindOf = Uint8Array.from({ length: 256 }, (_, byte) => (byte < 128 ? findKind(byte) : 0))

/** The kind of each longer character; 0: not known yet. */
const wideKinds = new Uint8Array(0x110000)

/** The number of bytes of the character that `wideKind` was called for. */
let wideLength = 1

/** The kind of the character of several bytes at `at`. */
function wideKind(utf8: Uint8Array, at: number, end: number): number {
  const first = utf8[at]
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
  wideLength = 1
  if (first < 0xc2 || first > 0xf4 || at + length > end) return sign
  let codePoint = first & (0x7f >> length)
  for (let i = 1; i < length; i++) {
    const byte = utf8[at + i]
    if ((byte & 0xc0) !== 0x80) return sign
    codePoint = (codePoint << 6) | (byte & 0x3f)
  }
  if (codePoint > 0x10ffff) return sign
  wideLength = length
  if (wideKinds[codePoint] === 0) wideKinds[codePoint] = findKind(codePoint)
  return wideKinds[codePoint]
}

/** The kind of the character at `at`. */
function kindAt(utf8: Uint8Array, at: number, end: number): number {
  return kindOf[utf8[at]] || wideKind(utf8, at, end)
}

/** The end of the run of characters of this kind from `at` on. */
function endOfRun(utf8: Uint8Array, at: number, end: number, kind: number): number {
  while (at < end) {
    const found = kindOf[utf8[at]]
    if (found === kind) at++
    else if (found !== 0 || wideKind(utf8, at, end) !== kind) return at
    else at += wideLength
  }
  return at
}

const space = 0x20
const apostrophe = 0x27
const [d, e, l, m, r, s, t, v] = Buffer.from('delmrstv')

/** The length of the contraction at an apostrophe; 0 if there is none. */
function contraction(utf8: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return 0
  const next = utf8[at + 1]
  if (next === s || next === t || next === m || next === d) return 2
  if (at + 2 >= end) return 0
  const last = utf8[at + 2]
  return (next === l && last === l) || (last === e && (next === v || next === r)) ? 3 : 0
}

/** The end of the piece of UTF-8 that begins at `at`, which is less than `end`, the end of the text. */
export function endOfPiece(utf8: Uint8Array, at: number, end: number): number {
  const first = utf8[at]
  if (first === space && at + 1 < end) {
    const kind = kindAt(utf8, at + 1, end)
    if (kind !== white) return endOfRun(utf8, at + 1, end, kind)
  } else if (first === apostrophe) {
    const length = contraction(utf8, at, end)
    if (length > 0) return at + length
  }
  const kind = kindAt(utf8, at, end)
  const stop = endOfRun(utf8, at, end, kind)
  if (kind !== white || stop === end) return stop
  // The last character belongs to the next piece, or is one by itself.
  let last = stop - 1
  while ((utf8[last] & 0xc0) === 0x80) last--
  return last > at ? last : stop
}

/** Calls `visit` with the bounds of each piece of a text in UTF-8. Together they are the text. */
export function forEachPiece(utf8: Uint8Array, visit: (start: number, end: number) => void): void {
  for (let start = 0; start < utf8.length; ) {
    const end = endOfPiece(utf8, start, utf8.length)
    visit(start, end)
    start = end
  }
}

/**
 * The length of the longest part of a text's beginning that ends between two pieces whatever text
 * follows and precedes it, as far as a glance at neighbors tells; 0 if there is none. The text may end
 * within a character.
 *
 * Between characters of two kinds a piece ends, except that white space may belong to the next piece,
 * and letters to the apostrophe before them.
 */
export function lastCut(utf8: Uint8Array): number {
  let end = utf8.length
  let start = startOfCharacter(utf8, end)
  // The last character may be incomplete.
  if (end > 0 && (utf8[start] & 0x80) !== 0) {
    wideKind(utf8, start, end)
    if (start + wideLength !== end) end = start
  }
  let next = 0
  for (let after = end; after > 0; after = start) {
    start = startOfCharacter(utf8, after)
    const kind = kindAt(utf8, start, after)
    if (next !== 0 && next !== kind && kind !== white && (next === white || utf8[start] !== apostrophe))
      return after
    next = kind
  }
  return 0
}

function startOfCharacter(utf8: Uint8Array, end: number): number {
  let start = end - 1
  while (start > 0 && end - start < 4 && (utf8[start] & 0xc0) === 0x80) start--
  return Math.max(0, start)
}

/** Numbers the distinct pieces of a text, without making a string of each, and counts them. */
export class PieceIndex {
  /** The first occurrence of each piece, and how often it occurs. */
  private starts = new Uint32Array(1 << 12)
  private ends = new Uint32Array(1 << 12)
  private counts = new Float64Array(1 << 12)
  /** Open addressing: the number of a piece + 1, or 0. At most half full. */
  private slots = new Int32Array(1 << 13)
  private found = 0

  constructor(private readonly utf8: Uint8Array) {}

  get size(): number {
    return this.found
  }

  /** Counts a piece, and returns its number: a new one has the former `size`. */
  add(start: number, end: number): number {
    const slot = this.slotOf(start, end)
    let number = this.slots[slot] - 1
    if (number < 0) {
      if (2 * (this.found + 1) > this.slots.length) {
        this.grow()
        return this.add(start, end)
      }
      number = this.found++
      this.starts[number] = start
      this.ends[number] = end
      this.slots[slot] = number + 1
    }
    this.counts[number]++
    return number
  }

  count(number: number): number {
    return this.counts[number]
  }

  /** The bytes of a piece, in the text's memory. */
  piece(number: number): Uint8Array {
    return this.utf8.subarray(this.starts[number], this.ends[number])
  }

  /** The slot that has this piece or is free for it. */
  private slotOf(start: number, end: number): number {
    const { utf8, slots, starts, ends } = this
    let hash = end - start
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ utf8[i], 0x01000193)
    const mask = slots.length - 1
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot] - 1
      if (number < 0) return slot
      const first = starts[number]
      if (ends[number] - first !== end - start) continue
      let i = start
      while (i < end && utf8[i] === utf8[first + i - start]) i++
      if (i === end) return slot
    }
  }

  private grow(): void {
    const { starts, ends, counts } = this
    const length = 2 * this.slots.length
    this.slots = new Int32Array(length)
    this.starts = new Uint32Array(length / 2)
    this.ends = new Uint32Array(length / 2)
    this.counts = new Float64Array(length / 2)
    this.starts.set(starts)
    this.ends.set(ends)
    this.counts.set(counts)
    for (let number = 0; number < this.found; number++)
      this.slots[this.slotOf(starts[number], ends[number])] = number + 1
  }
}
