// The merges of byte-pair encoding, and how they are applied to a piece of text.
//
// (Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units"; on bytes:
// Radford et al. 2019.)

import { Heap } from './heap'

/** The longest piece, in symbols, for which the simple way to encode is the faster one. */
const longestShort = 40

/** The number of ids that a pair's hash and comparison allow. */
export const mostTokens = 2 ** 21

/** Merges by pair. Merges with a lower rank are applied first. */
export class MergeTable {
  /** Open addressing. Four numbers per slot: the left token, the right one, the rank + 1, the result. */
  private readonly slots: Int32Array
  private readonly mask: number
  /** What `encode` works with; the tokens are its result. */
  private tokens = new Int32Array(longestShort)
  /** By pair of neighbors: the rank of their merge + 1, and its slot. Only for short pieces. */
  private readonly ranks = new Int32Array(longestShort)
  private readonly found = new Int32Array(longestShort)

  /**
   * @param merges the two tokens of each merge, one after the other, in the order of their ranks. Each
   *   pair occurs once
   * @param results the token that each merge makes
   */
  constructor(merges: ArrayLike<number>, results: ArrayLike<number>) {
    let size = 1 << 4
    while (size < merges.length) size *= 2
    this.slots = new Int32Array(4 * size)
    this.mask = size - 1
    for (let i = 0; i < results.length; i++) {
      const at = this.slotOf(merges[2 * i], merges[2 * i + 1])
      this.slots[at] = merges[2 * i]
      this.slots[at + 1] = merges[2 * i + 1]
      this.slots[at + 2] = i + 1
      this.slots[at + 3] = results[i]
    }
  }

  /**
   * Encodes `count` symbols: of all pairs that have a merge, the one with the lowest rank is applied, of
   * several the leftmost, until none has one.
   *
   * @param symbol the token of symbol i
   * @returns the number of tokens, which `token` returns until the next call
   */
  encode(count: number, symbol: (i: number) => number): number {
    if (count > this.tokens.length) this.tokens = new Int32Array(2 * count)
    for (let i = 0; i < count; i++) this.tokens[i] = symbol(i)
    return this.merge(count)
  }

  /** Like `encode`, for the bytes of a text, each of which is a token. */
  encodeBytes(tokenOf: ArrayLike<number>, utf8: Uint8Array, start: number, end: number): number {
    const count = end - start
    if (count > this.tokens.length) this.tokens = new Int32Array(2 * count)
    const { tokens } = this
    for (let i = 0; i < count; i++) tokens[i] = tokenOf[utf8[start + i]]
    return this.merge(count)
  }

  token(i: number): number {
    return this.tokens[i]
  }

  private merge(count: number): number {
    return count <= longestShort ? this.mergeShort(count) : this.mergeLong(count)
  }

  /** The slot that has this pair or is free for it. */
  private slotOf(left: number, right: number): number {
    const { slots, mask } = this
    const hash = Math.imul(Math.imul(left, 0x9e3779b1) ^ right, 0x85ebca6b)
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const at = 4 * slot
      if ((slots[at] === left && slots[at + 1] === right) || slots[at + 2] === 0) return at
    }
  }

  /** The rank of a pair's merge + 1; a large number if it has none. */
  private rankOf(left: number, right: number): number {
    const rank = this.slots[this.slotOf(left, right) + 2]
    return rank === 0 ? none : rank
  }

  /** Searches all pairs for each merge. */
  private mergeShort(count: number): number {
    const { tokens, ranks, found, slots } = this
    for (let i = 1; i < count; i++) {
      const at = this.slotOf(tokens[i - 1], tokens[i])
      found[i - 1] = at
      ranks[i - 1] = slots[at + 2] || none
    }
    for (;;) {
      let at = 0
      let lowest = none
      for (let i = 0; i + 1 < count; i++) {
        if (ranks[i] < lowest) {
          lowest = ranks[i]
          at = i
        }
      }
      if (lowest === none) return count
      const token = slots[found[at] + 3]
      tokens[at] = token
      count--
      for (let i = at + 1; i < count; i++) {
        tokens[i] = tokens[i + 1]
        ranks[i] = ranks[i + 1]
        found[i] = found[i + 1]
      }
      if (at + 1 < count) {
        const slot = this.slotOf(token, tokens[at + 1])
        found[at] = slot
        ranks[at] = slots[slot + 2] || none
      }
      if (at > 0) {
        const slot = this.slotOf(tokens[at - 1], token)
        found[at - 1] = slot
        ranks[at - 1] = slots[slot + 2] || none
      }
    }
  }

  /**
   * Tokens form a linked list, and a heap has every pair of neighbors with a merge, so that n symbols
   * take n log n steps.
   */
  private mergeLong(count: number): number {
    const { tokens, slots } = this
    const next = Int32Array.from({ length: count }, (_, i) => i + 1)
    const previous = Int32Array.from({ length: count }, (_, i) => i - 1)
    const heap = new Heap()
    const rankAt = (at: number) => (next[at] < count ? this.rankOf(tokens[at], tokens[next[at]]) : none)
    // The heap puts the largest number on top, so a merge is entered as minus its rank.
    const enter = (at: number) => {
      const rank = rankAt(at)
      if (rank !== none) heap.push(-rank, at)
    }
    for (let at = 0; at + 1 < count; at++) enter(at)
    while (heap.size > 0) {
      const rank = -heap.count
      const at = heap.key
      heap.pop()
      // A part of the pair may have been merged meanwhile.
      if (tokens[at] < 0 || rankAt(at) !== rank) continue
      const removed = next[at]
      tokens[at] = slots[this.slotOf(tokens[at], tokens[removed]) + 3]
      tokens[removed] = -1
      next[at] = next[removed]
      if (next[at] < count) previous[next[at]] = at
      enter(at)
      if (previous[at] >= 0) enter(previous[at])
    }
    let kept = 0
    for (let i = 0; i < count; i++) if (tokens[i] >= 0) tokens[kept++] = tokens[i]
    return kept
  }
}

const none = 0x7fffffff
