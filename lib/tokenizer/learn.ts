// Learns the merges of byte-pair encoding from a text.
//
// Tokens 0 … 255 are the bytes. Token 256 + i is the i-th merge, the concatenation of two earlier
// tokens.

import { Heap } from './heap'
import { largestVocabulary } from './names'
import { forEachPiece, PieceIndex } from './pieces'

/** The longest token in bytes. Without a limit, a file of n merges could describe 2ⁿ bytes. */
export const longestToken = 128

/**
 * Learns at most `most` merges: repeatedly, the most frequent pair of tokens becomes one token; of
 * several, the one with the smallest ids. Ends early if no pair occurs twice.
 *
 * @param utf8 the text
 * @returns the two tokens of each merge, one after the other
 */
export function learnMerges(utf8: Uint8Array, most: number): number[] {
  const words = new Words(utf8)
  const lengths = new Array<number>(256).fill(1)
  const merges: number[] = []
  while (merges.length < 2 * most) {
    const pair = words.pairs.best()
    if (pair < 0) break
    const left = words.pairs.left(pair)
    const right = words.pairs.right(pair)
    const length = lengths[left] + lengths[right]
    if (length > longestToken) continue
    words.merge(pair, lengths.push(length) - 1)
    merges.push(left, right)
  }
  return merges
}

/**
 * The distinct pieces of the text. Their tokens form one linked list, in which −1 ends a piece, and
 * every pair knows its places. So a merge takes as many steps as there are places with the pair, however
 * long a piece is.
 */
class Words {
  readonly pairs = new Pairs()
  /** The token at each place; −1 at the end of a piece; −2: it became part of the token before. */
  private readonly tokens: Int32Array
  private readonly next: Int32Array
  private readonly previous: Int32Array
  /** How often the piece with this place occurs. */
  private readonly counts: Float64Array | Int32Array

  constructor(utf8: Uint8Array) {
    const index = new PieceIndex(utf8)
    forEachPiece(utf8, (start, end) => {
      index.add(start, end)
    })
    // A place before the first piece ends an empty piece.
    let places = 1
    for (let number = 0; number < index.size; number++) places += index.piece(number).length + 1
    this.tokens = new Int32Array(places).fill(-1)
    this.next = Int32Array.from({ length: places }, (_, i) => i + 1)
    this.previous = Int32Array.from({ length: places }, (_, i) => i - 1)
    this.counts = new (utf8.length < 2 ** 31 ? Int32Array : Float64Array)(places)
    let at = 1
    for (let number = 0; number < index.size; number++) {
      const piece = index.piece(number)
      const count = index.count(number)
      for (let i = 0; i < piece.length; i++, at++) {
        this.tokens[at] = piece[i]
        this.counts[at] = count
        if (i > 0) this.pairs.add(piece[i - 1], piece[i], at - 1, count)
      }
      at++
    }
    this.pairs.enterAll()
  }

  /** Replaces a pair by a token wherever it occurs. */
  merge(pair: number, token: number): void {
    const { pairs, tokens, next, previous, counts } = this
    const left = pairs.left(pair)
    const right = pairs.right(pair)
    pairs.startChanges()
    for (let node = pairs.firstPlace(pair); node >= 0; node = pairs.nextPlace(node)) {
      const at = pairs.place(node)
      const second = next[at]
      // One of the two may have been merged with another neighbor since.
      if (tokens[at] !== left || tokens[second] !== right) continue
      const count = counts[at]
      const before = previous[at]
      const after = next[second]
      if (tokens[before] >= 0) {
        pairs.remove(tokens[before], left, count)
        pairs.add(tokens[before], token, before, count)
      }
      if (tokens[after] >= 0) {
        pairs.remove(right, tokens[after], count)
        pairs.add(token, tokens[after], at, count)
      }
      tokens[at] = token
      tokens[second] = -2
      next[at] = after
      previous[after] = at
    }
    pairs.delete(pair)
    pairs.enterChanges()
  }
}

/** The pairs of tokens that occur: how often, and where. */
class Pairs {
  /** Open addressing by pair: its number + 1, or 0. At most half full. */
  private slots = new Int32Array(1 << 17)
  private size = 0
  /** By number. */
  private lefts = new Int32Array(1 << 16)
  private rights = new Int32Array(1 << 16)
  private counts = new Float64Array(1 << 16)
  private heads = new Int32Array(1 << 16)
  private tails = new Int32Array(1 << 16)
  /** The merge that changed it last, so that it enters the heap once for each. */
  private stamps = new Int32Array(1 << 16)
  private stamp = 0
  private readonly changed: number[] = []
  /** Linked lists of places. */
  private nodes = 0
  private places = new Int32Array(1 << 16)
  private following = new Int32Array(1 << 16)
  /** Candidates, the best on top. Their counts may have fallen since. */
  private readonly heap = new Heap()

  left(pair: number): number {
    return this.lefts[pair]
  }

  right(pair: number): number {
    return this.rights[pair]
  }

  firstPlace(pair: number): number {
    return this.heads[pair]
  }

  nextPlace(node: number): number {
    return this.following[node]
  }

  place(node: number): number {
    return this.places[node]
  }

  add(left: number, right: number, place: number, count: number): void {
    const pair = this.numberOf(left, right)
    this.counts[pair] += count
    if (this.nodes === this.places.length) {
      this.places = larger(this.places, new Int32Array(2 * this.nodes))
      this.following = larger(this.following, new Int32Array(2 * this.nodes))
    }
    const node = this.nodes++
    this.places[node] = place
    this.following[node] = -1
    if (this.heads[pair] < 0) this.heads[pair] = node
    else this.following[this.tails[pair]] = node
    this.tails[pair] = node
    if (this.stamps[pair] === this.stamp) return
    this.stamps[pair] = this.stamp
    this.changed.push(pair)
  }

  remove(left: number, right: number, count: number): void {
    this.counts[this.numberOf(left, right)] -= count
  }

  /** It occurs nowhere anymore. */
  delete(pair: number): void {
    this.counts[pair] = 0
    this.heads[pair] = -1
  }

  /** The most frequent pair, of several the smallest; −1 if none occurs twice. It becomes no candidate again. */
  best(): number {
    const { heap } = this
    while (heap.size > 0) {
      const { count, key } = heap
      heap.pop()
      const pair = this.numberOf(Math.floor(key / largestVocabulary), key % largestVocabulary)
      const now = this.counts[pair]
      if (now === count) return pair
      if (now > 1) heap.push(now, key)
    }
    return -1
  }

  enterAll(): void {
    for (let pair = 0; pair < this.size; pair++) this.enter(pair)
    this.changed.length = 0
  }

  startChanges(): void {
    this.stamp++
    this.changed.length = 0
  }

  /** Makes candidates of the pairs that became more frequent. */
  enterChanges(): void {
    for (const pair of this.changed) this.enter(pair)
  }

  private enter(pair: number): void {
    if (this.counts[pair] > 1)
      this.heap.push(this.counts[pair], this.lefts[pair] * largestVocabulary + this.rights[pair])
  }

  private numberOf(left: number, right: number): number {
    const slot = this.slotOf(left, right)
    if (this.slots[slot] > 0) return this.slots[slot] - 1
    if (2 * (this.size + 1) > this.slots.length) {
      this.grow()
      return this.numberOf(left, right)
    }
    const pair = this.size++
    this.slots[slot] = pair + 1
    this.lefts[pair] = left
    this.rights[pair] = right
    this.heads[pair] = -1
    this.stamps[pair] = -1
    return pair
  }

  private slotOf(left: number, right: number): number {
    const { slots, lefts, rights } = this
    const mask = slots.length - 1
    const hash = Math.imul(Math.imul(left, 0x9e3779b1) ^ right, 0x85ebca6b)
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const pair = slots[slot] - 1
      if (pair < 0 || (lefts[pair] === left && rights[pair] === right)) return slot
    }
  }

  private grow(): void {
    const length = this.slots.length
    this.slots = new Int32Array(2 * length)
    this.lefts = larger(this.lefts, new Int32Array(length))
    this.rights = larger(this.rights, new Int32Array(length))
    this.counts = larger(this.counts, new Float64Array(length))
    this.heads = larger(this.heads, new Int32Array(length))
    this.tails = larger(this.tails, new Int32Array(length))
    this.stamps = larger(this.stamps, new Int32Array(length))
    for (let pair = 0; pair < this.size; pair++)
      this.slots[this.slotOf(this.lefts[pair], this.rights[pair])] = pair + 1
  }
}

function larger<T extends Int32Array | Float64Array>(old: T, fresh: T): T {
  fresh.set(old)
  return fresh
}
