// Pre-tokenization: divides a text into pieces, which tokens never cross.
//
// GPT-2's division (Radford et al. 2019, `encoder.py`): English contractions; letters, digits and other
// signs, each run with one space before it; and white space, without the space that belongs to the next
// piece. As a regular expression, which a test compares, with s for \p{White_Space}:
//
//     '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^s\p{L}\p{N}]+|s+(?!\S)|s+
//
// The loop below takes a fifth of its time.

const sign = 1
const letter = 2
const digit = 3
const white = 4
const patterns = [
  [letter, /^\p{L}$/u],
  [digit, /^\p{N}$/u],
  [white, /^\p{White_Space}$/u],
] as const

/** The kind of each code point; 0: not known yet. */
const kinds = new Uint8Array(0x110000)

function findKind(codePoint: number): number {
  const character = String.fromCodePoint(codePoint)
  const kind = patterns.find(([, pattern]) => pattern.test(character))?.[0] ?? sign
  kinds[codePoint] = kind
  return kind
}

/** The kind of the character at `at`; 0 at the end of the text. */
function kindAt(text: string, at: number): number {
  if (at >= text.length) return 0
  let code = text.charCodeAt(at)
  if ((code & 0xfc00) === 0xd800) code = text.codePointAt(at)!
  return kinds[code] || findKind(code)
}

/** The end of the run of characters of this kind from `at` on. */
function endOfRun(text: string, at: number, kind: number): number {
  while (kindAt(text, at) === kind) at += (text.charCodeAt(at) & 0xfc00) === 0xd800 ? 2 : 1
  return at
}

/** The length of the contraction at an apostrophe; 0 if there is none. */
function contraction(text: string, at: number): number {
  const next = text[at + 1]
  if (next === 's' || next === 't' || next === 'm' || next === 'd') return 2
  const two = text.slice(at + 1, at + 3)
  return two === 'll' || two === 've' || two === 're' ? 3 : 0
}

const space = 0x20
const apostrophe = 0x27

function endOfPiece(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code === apostrophe) {
    const length = contraction(text, at)
    if (length > 0) return at + length
  }
  const kind = kindAt(text, at)
  if (kind !== white) return endOfRun(text, at, kind)
  const end = endOfRun(text, at, white)
  if (end === text.length) return end
  if (end > at + 1) return end - 1
  return code === space ? endOfRun(text, end, kindAt(text, end)) : end
}

/** Calls `visit` with the bounds of each piece of a well-formed text. Together they are the text. */
export function forEachPiece(text: string, visit: (start: number, end: number) => void): void {
  for (let start = 0; start < text.length; ) {
    const end = endOfPiece(text, start)
    visit(start, end)
    start = end
  }
}

/**
 * Numbers the distinct pieces of a text, without making a string of each. A Map with strings as keys
 * takes three times as long.
 */
export class PieceIndex {
  /** The first occurrence of each piece. */
  private readonly starts: number[] = []
  private readonly ends: number[] = []
  /** Open addressing: the number of a piece + 1, or 0. At most half full. */
  private slots = new Int32Array(1 << 12)

  /** @param most pieces that are numbered */
  constructor(
    private readonly text: string,
    private readonly most: number,
  ) {}

  get size(): number {
    return this.starts.length
  }

  /** The number of a piece: a new one has the former `size`; −1 if there are too many. */
  numberOf(start: number, end: number): number {
    const { text } = this
    let hash = end - start
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    const mask = this.slots.length - 1
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const number = this.slots[slot] - 1
      if (number < 0) return this.add(start, end, slot)
      if (this.isAt(number, start, end)) return number
    }
  }

  /** The text of a piece. */
  piece(number: number): string {
    return this.text.slice(this.starts[number], this.ends[number])
  }

  private isAt(number: number, start: number, end: number): boolean {
    const { text } = this
    const first = this.starts[number]
    if (this.ends[number] - first !== end - start) return false
    for (let i = start; i < end; i++)
      if (text.charCodeAt(i) !== text.charCodeAt(first + i - start)) return false
    return true
  }

  private add(start: number, end: number, slot: number): number {
    if (this.size === this.most) return -1
    const number = this.starts.push(start) - 1
    this.ends.push(end)
    this.slots[slot] = number + 1
    if (2 * this.size > this.slots.length) this.grow()
    return number
  }

  private grow(): void {
    const { starts, ends } = this
    this.slots = new Int32Array(4 * this.slots.length)
    const count = starts.length
    // Every piece is new to the empty table, and gets its number again.
    const again = { starts: starts.splice(0), ends: ends.splice(0) }
    for (let i = 0; i < count; i++) this.numberOf(again.starts[i], again.ends[i])
  }
}
