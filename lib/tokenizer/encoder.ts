// Encodes pieces of UTF-8 by merges, and remembers the tokens of pieces that it has seen.

import { MergeTable } from './merges'
import { endOfPiece } from './pieces'
import type { Tokens } from './tokenizer'
import { allocateTokens } from './validate'

/** The longest piece, in bytes, and the most tokens that are remembered. */
const longestKey = 16
const mostTokens = 11

/**
 * A slot has 16 numbers, so that it is one line of the processor's cache: the bytes of the piece, its
 * length and number of tokens, the tokens. A piece takes the slot of another with the same hash.
 */
const slotLength = 16
const slotBits = 16

/** The bits of the i-th word that belong to a piece of a length. */
const masks = [0, 1, 2, 3].map((word) =>
  Int32Array.from({ length: longestKey + 1 }, (_, length) => {
    const bytes = Math.min(4, Math.max(0, length - 4 * word))
    return bytes === 4 ? -1 : (1 << (8 * bytes)) - 1
  }),
)
const [masks0, masks1, masks2, masks3] = masks

/** What a vocabulary needs to encode bytes. */
export interface Bytewise {
  readonly vocabSize: number
  /** The token of each byte. */
  readonly tokenOf: ArrayLike<number>
  /** The two tokens of each merge, one after the other, in the order of their ranks. */
  readonly merges: ArrayLike<number>
  /** The token that each merge makes. */
  readonly results: ArrayLike<number>
  /** The token of a whole piece, which precedes merges. */
  readonly whole?: (utf8: Uint8Array, start: number, end: number) => number | undefined
}

/** The vocabulary whose i-th merge is token 256 + i. */
export function bytewiseOf(merges: ArrayLike<number>, tokenOf: ArrayLike<number>): Bytewise {
  const results = Uint16Array.from({ length: merges.length / 2 }, (_, i) => 256 + i)
  return { vocabSize: 256 + results.length, tokenOf, merges, results }
}

/** An array of tokens that grows. */
export class TokenList {
  tokens: Tokens
  count = 0

  constructor(
    private readonly vocabSize: number,
    capacity: number,
  ) {
    this.tokens = allocateTokens(vocabSize, capacity)
  }

  /** Makes room for `more` tokens. */
  reserve(more: number): void {
    if (this.count + more <= this.tokens.length) return
    const larger = allocateTokens(this.vocabSize, 2 * (this.count + more))
    larger.set(this.tokens)
    this.tokens = larger
  }

  push(token: number): void {
    this.reserve(1)
    this.tokens[this.count++] = token
  }

  finish(): Tokens {
    return this.tokens.slice(0, this.count)
  }
}

export class PieceEncoder {
  private readonly table: MergeTable
  private readonly slots = new Int32Array(slotLength << slotBits)

  constructor(private readonly words: Bytewise) {
    this.table = new MergeTable(words.merges, words.results)
  }

  /** The tokens of a text in UTF-8, divided into pieces as GPT-2 does. */
  encode(utf8: Uint8Array): Tokens {
    const list = new TokenList(this.words.vocabSize, Math.ceil(utf8.length / 3) + 16)
    const view = new DataView(utf8.buffer, utf8.byteOffset, utf8.byteLength)
    for (let start = 0; start < utf8.length; ) {
      const end = endOfPiece(utf8, start, utf8.length)
      this.add(list, utf8, view, start, end)
      start = end
    }
    return list.finish()
  }

  /** Appends the tokens of one piece. */
  add(list: TokenList, utf8: Uint8Array, view: DataView, start: number, end: number): void {
    const length = end - start
    list.reserve(length)
    if (length > longestKey || start + longestKey > utf8.length) {
      this.addNew(list, utf8, start, end)
      return
    }
    const { slots } = this
    const word0 = view.getInt32(start, true) & masks0[length]
    const word1 = view.getInt32(start + 4, true) & masks1[length]
    let word2 = 0
    let word3 = 0
    if (length > 8) {
      word2 = view.getInt32(start + 8, true) & masks2[length]
      word3 = view.getInt32(start + 12, true) & masks3[length]
    }
    const mixed =
      Math.imul(word0 ^ Math.imul(word1, 0x85ebca6b), 0x9e3779b1) ^
      Math.imul(word2 ^ Math.imul(word3, 0xc2b2ae35), 0x27d4eb2f)
    const at = (Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> (32 - slotBits)) * slotLength
    const { tokens } = list
    let { count } = list
    if (
      slots[at] === word0 &&
      slots[at + 1] === word1 &&
      slots[at + 2] === word2 &&
      slots[at + 3] === word3 &&
      slots[at + 4] >> 8 === length
    ) {
      const stop = at + 5 + (slots[at + 4] & 0xff)
      for (let i = at + 5; i < stop; i++) tokens[count++] = slots[i]
      list.count = count
      return
    }
    this.addNew(list, utf8, start, end)
    const found = list.count - count
    if (found > mostTokens) return
    slots[at] = word0
    slots[at + 1] = word1
    slots[at + 2] = word2
    slots[at + 3] = word3
    slots[at + 4] = (length << 8) | found
    for (let i = 0; i < found; i++) slots[at + 5 + i] = tokens[count++]
  }

  /** Appends the tokens of a piece that isn't remembered. */
  private addNew(list: TokenList, utf8: Uint8Array, start: number, end: number): void {
    const { words, table } = this
    const whole = words.whole?.(utf8, start, end)
    if (whole !== undefined) {
      list.push(whole)
      return
    }
    const { tokens } = list
    const found = table.encodeBytes(words.tokenOf, utf8, start, end)
    for (let i = 0; i < found; i++) tokens[list.count++] = table.token(i)
  }
}
