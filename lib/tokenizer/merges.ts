// The merges of byte-pair encoding: finds them in a text, and applies them.
//
// Tokens 0 … 255 are the bytes. Token 256 + i is the i-th merge, the concatenation of two earlier
// tokens. (Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units"; on
// bytes: Radford et al. 2019.)

import { largestVocabulary } from './names'
import { forEachPiece, PieceIndex } from './pieces'

/** The longest token in bytes. Without a limit, a file of n merges could describe 2ⁿ bytes. */
export const longestToken = 128

/** The longest piece, in bytes, for which the simple way to encode is the faster one. */
const longestShort = 40

/** A pair of tokens as one number, ordered by the first, then the second. */
const pairOf = (left: number, right: number) => left * largestVocabulary + right

/** A unique piece of the text, and how often it occurs. `tokens` gets shorter with each merge in it. */
interface Word {
  tokens: number[]
  readonly count: number
}

/** The pairs of the words: how often each occurs, and the words that have or had it. */
class Pairs {
  readonly counts = new Map<number, number>()
  readonly words = new Map<number, Word[]>()
  /** Candidates, the best on top. Their counts may have fallen since. */
  readonly heap = new Heap()

  add(pair: number, word: Word): void {
    this.counts.set(pair, (this.counts.get(pair) ?? 0) + word.count)
    const words = this.words.get(pair)
    if (words === undefined) this.words.set(pair, [word])
    else if (words[words.length - 1] !== word) words.push(word)
  }

  remove(pair: number, word: Word): void {
    this.counts.set(pair, (this.counts.get(pair) ?? 0) - word.count)
  }

  /** Removes and returns the most frequent pair, of several the smallest; undefined if none occurs twice. */
  best(): number | undefined {
    for (;;) {
      const top = this.heap.pop()
      if (top === undefined) return undefined
      const count = this.counts.get(top.pair) ?? 0
      if (count === top.count) return top.pair
      if (count > 1) this.heap.push(count, top.pair)
    }
  }
}

/**
 * Learns at most `most` merges: repeatedly, the most frequent pair of tokens becomes one token; of
 * several, the one with the smallest ids. Ends early if no pair occurs twice.
 *
 * @returns the two tokens of each merge, one after the other
 */
export function learnMerges(text: string, most: number): number[] {
  const pairs = new Pairs()
  const lengths = new Array<number>(256).fill(1)
  for (const word of wordsOf(text)) forEachPair(word.tokens, (pair) => pairs.add(pair, word))
  for (const [pair, count] of pairs.counts) if (count > 1) pairs.heap.push(count, pair)
  const merges: number[] = []
  while (merges.length < 2 * most) {
    const pair = pairs.best()
    if (pair === undefined) break
    const [left, right] = [Math.floor(pair / largestVocabulary), pair % largestVocabulary]
    if (lengths[left] + lengths[right] > longestToken) continue
    const token = lengths.push(lengths[left] + lengths[right]) - 1
    merges.push(left, right)
    const changed = new Set<number>()
    for (const word of new Set(pairs.words.get(pair))) mergeIn(word, left, right, token, pairs, changed)
    pairs.counts.delete(pair)
    pairs.words.delete(pair)
    for (const each of changed) {
      const count = pairs.counts.get(each) ?? 0
      if (count > 1) pairs.heap.push(count, each)
    }
  }
  return merges
}

function wordsOf(text: string): Word[] {
  const index = new PieceIndex(text, Infinity)
  const counts: number[] = []
  forEachPiece(text, (start, end) => {
    const number = index.numberOf(start, end)
    counts[number] = (counts[number] ?? 0) + 1
  })
  return counts.map((count, number) => ({ tokens: [...Buffer.from(index.piece(number))], count }))
}

function forEachPair(tokens: readonly number[], visit: (pair: number) => void): void {
  for (let i = 1; i < tokens.length; i++) visit(pairOf(tokens[i - 1], tokens[i]))
}

/** Replaces a pair in a word, and notes in `changed` the pairs that became more frequent. */
function mergeIn(
  word: Word,
  left: number,
  right: number,
  token: number,
  pairs: Pairs,
  changed: Set<number>,
): void {
  const { tokens } = word
  let end = 0
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] !== left || tokens[i + 1] !== right) {
      tokens[end++] = tokens[i]
      continue
    }
    if (end > 0) replace(pairOf(tokens[end - 1], left), pairOf(tokens[end - 1], token))
    if (i + 2 < tokens.length) replace(pairOf(right, tokens[i + 2]), pairOf(token, tokens[i + 2]))
    tokens[end++] = token
    i++
  }
  tokens.length = end

  function replace(before: number, after: number) {
    pairs.remove(before, word)
    pairs.add(after, word)
    changed.add(after)
  }
}

/** A binary heap of pairs: the largest count on top, of several the smallest pair. */
class Heap {
  private readonly counts: number[] = []
  private readonly pairs: number[] = []

  push(count: number, pair: number): void {
    let at = this.counts.push(count) - 1
    this.pairs.push(pair)
    while (at > 0 && this.precedes(at, (at - 1) >> 1)) {
      this.swap(at, (at - 1) >> 1)
      at = (at - 1) >> 1
    }
  }

  pop(): { count: number; pair: number } | undefined {
    const last = this.counts.length - 1
    if (last < 0) return undefined
    this.swap(0, last)
    const top = { count: this.counts.pop()!, pair: this.pairs.pop()! }
    for (let at = 0; ; ) {
      const [a, b] = [2 * at + 1, 2 * at + 2]
      if (a >= last) return top
      const child = b < last && this.precedes(b, a) ? b : a
      if (!this.precedes(child, at)) return top
      this.swap(at, child)
      at = child
    }
  }

  private precedes(a: number, b: number): boolean {
    const { counts, pairs } = this
    return counts[a] > counts[b] || (counts[a] === counts[b] && pairs[a] < pairs[b])
  }

  private swap(a: number, b: number): void {
    const { counts, pairs } = this
    ;[counts[a], counts[b]] = [counts[b], counts[a]]
    ;[pairs[a], pairs[b]] = [pairs[b], pairs[a]]
  }
}

/** The merges of a tokenizer by pair, to encode pieces. */
export class MergeTable {
  private readonly tokenOf = new Map<number, number>()

  /** @param merges as learnMerges returns them */
  constructor(merges: readonly number[]) {
    for (let i = 0; i < merges.length; i += 2) this.tokenOf.set(pairOf(merges[i], merges[i + 1]), 256 + i / 2)
  }

  /**
   * The tokens of a piece's bytes: of all pairs that have a merge, the earliest merge is applied, of
   * several the leftmost, until none has one.
   */
  encode(bytes: Uint8Array): ArrayLike<number> {
    return bytes.length <= longestShort ? this.encodeShort(bytes) : this.encodeLong(bytes)
  }

  /** The token of a pair; Infinity if it has no merge. */
  private merged(left: number, right: number): number {
    return this.tokenOf.get(pairOf(left, right)) ?? Infinity
  }

  /** Searches all pairs for each merge. */
  private encodeShort(bytes: Uint8Array): ArrayLike<number> {
    const tokens = Array.from(bytes)
    // merges[i]: what tokens i and i + 1 become.
    const merges = tokens.map((token, i) =>
      i + 1 < tokens.length ? this.merged(token, tokens[i + 1]) : Infinity,
    )
    for (;;) {
      let at = 0
      for (let i = 1; i < merges.length; i++) if (merges[i] < merges[at]) at = i
      const token = merges[at] ?? Infinity
      if (token === Infinity) return tokens
      tokens[at] = token
      tokens.splice(at + 1, 1)
      merges.splice(at + 1, 1)
      merges[at] = at + 1 < tokens.length ? this.merged(token, tokens[at + 1]) : Infinity
      if (at > 0) merges[at - 1] = this.merged(tokens[at - 1], token)
    }
  }

  /**
   * Tokens form a linked list, and a heap has every pair of neighbours with a merge, so that n bytes
   * take n log n steps.
   */
  private encodeLong(bytes: Uint8Array): ArrayLike<number> {
    const tokens = Array.from(bytes)
    const next = tokens.map((_, i) => i + 1)
    const previous = tokens.map((_, i) => i - 1)
    const heap = new Heap()
    const mergedAt = (at: number) =>
      next[at] < tokens.length ? this.merged(tokens[at], tokens[next[at]]) : Infinity
    // The heap puts the largest count on top, so a merge is entered as minus its token.
    const enter = (at: number) => {
      const token = mergedAt(at)
      if (token < Infinity) heap.push(-token, at)
    }
    for (let at = 0; at + 1 < tokens.length; at++) enter(at)
    for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
      const { count, pair: at } = top
      // A part of the pair may have been merged meanwhile.
      if (tokens[at] < 0 || mergedAt(at) !== -count) continue
      const removed = next[at]
      tokens[at] = -count
      tokens[removed] = -1
      next[at] = next[removed]
      if (next[at] < tokens.length) previous[next[at]] = at
      enter(at)
      if (previous[at] >= 0) enter(previous[at])
    }
    return tokens.filter((token) => token >= 0)
  }
}
