// The BPE tokenizer: byte-pair encoding on the bytes of the text, with the merges that a training text
// gives.

import { NanoGptError } from '../errors'
import { decoderOf, textOf } from './bytes'
import { learnMerges, longestToken, MergeTable } from './merges'
import { largestVocabulary, smallestVocabulary } from './names'
import { forEachPiece, PieceIndex } from './pieces'
import type { Decoder, Tokenizer, TokenizerJSON, Tokens } from './tokenizer'
import { allocateTokens, damaged, expectTokens, expectWellFormed, unknownToken } from './validate'

export interface BpeTokenizerJSON extends TokenizerJSON {
  readonly type: 'bpe'
  /** The two tokens of each merge, one after the other. */
  readonly merges: readonly number[]
}

/** The most pieces whose tokens are remembered while a text is encoded. */
const mostRemembered = 1_000_000

/**
 * @example
 * const tokenizer = BpeTokenizer.fromText('the cat, the hat', 259)
 * tokenizer.encode('the hat') // Uint16Array [258, 32, 104, 256]: 'the', ' ', 'h', 'at'
 */
export class BpeTokenizer implements Tokenizer {
  readonly type = 'bpe'
  private readonly table: MergeTable
  /** The bytes of each token. */
  private readonly bytes: readonly Uint8Array[]

  private constructor(private readonly merges: readonly number[]) {
    this.table = new MergeTable(merges)
    const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte))
    for (let i = 0; i < merges.length; i += 2)
      bytes.push(Uint8Array.from([...bytes[merges[i]], ...bytes[merges[i + 1]]]))
    this.bytes = bytes
  }

  /**
   * Learns the merges of `text`. The same text gives the same tokenizer.
   *
   * @param vocabSize the largest size of the vocabulary, 256 … 65,536. It is smaller if the text has
   *   fewer pairs of tokens that occur twice
   * @throws NanoGptError 'empty_text', 'lone_surrogate'
   */
  static fromText(text: string, vocabSize: number): BpeTokenizer {
    expectWellFormed(text)
    if (text === '') {
      throw new NanoGptError('empty_text', {
        reason: 'the text is empty',
        remedy: 'Give at least one character',
      })
    }
    if (!Number.isInteger(vocabSize) || vocabSize < smallestVocabulary || vocabSize > largestVocabulary) {
      throw new NanoGptError('option', {
        option: 'vocabSize',
        value: vocabSize,
        reason: `must be a whole number from ${smallestVocabulary} to ${largestVocabulary}`,
      })
    }
    return new BpeTokenizer(learnMerges(text, vocabSize - 256))
  }

  /**
   * The tokenizer that `toJSON` wrote.
   *
   * @throws NanoGptError 'tokenizer' unless `merges` are pairs of earlier tokens, each once
   */
  static fromJSON(json: unknown): BpeTokenizer {
    const merges = (json as Partial<BpeTokenizerJSON> | null)?.merges
    if (!Array.isArray(merges) || merges.length % 2 !== 0)
      throw damaged('BPE', 'its merges are not a list of pairs')
    if (merges.length > 2 * (largestVocabulary - 256))
      throw damaged('BPE', `it has ${merges.length / 2} merges`)
    const lengths = new Array<number>(256).fill(1)
    const seen = new Set<string>()
    for (let i = 0; i < merges.length; i += 2) {
      const [left, right] = [merges[i], merges[i + 1]]
      const name = `merge ${i / 2}, of ${String(left)} and ${String(right)},`
      for (const token of [left, right])
        if (!Number.isInteger(token) || token < 0 || token >= lengths.length)
          throw damaged('BPE', `${name} is not of two earlier tokens`)
      if (seen.has(`${left} ${right}`)) throw damaged('BPE', `${name} is a repetition`)
      seen.add(`${left} ${right}`)
      if (lengths.push(lengths[left] + lengths[right]) && lengths[lengths.length - 1] > longestToken)
        throw damaged('BPE', `${name} has more than ${longestToken} bytes`)
    }
    return new BpeTokenizer(merges)
  }

  get vocabSize(): number {
    return this.bytes.length
  }

  /**
   * The tokens of `text`.
   *
   * @throws NanoGptError 'lone_surrogate', 'option' if `text` is not a string
   */
  encode(text: string): Tokens {
    expectWellFormed(text)
    const index = new PieceIndex(text, mostRemembered)
    // Where the tokens of each numbered piece are in `tokens`.
    const starts: number[] = []
    const ends: number[] = []
    let tokens = allocateTokens(this.vocabSize, Math.ceil(text.length / 2) + 16)
    let count = 0
    forEachPiece(text, (start, end) => {
      // A piece has at most three bytes per UTF-16 unit.
      if (count + 3 * (end - start) > tokens.length) {
        const larger = allocateTokens(this.vocabSize, 2 * (count + 3 * (end - start)))
        larger.set(tokens)
        tokens = larger
      }
      const number = index.numberOf(start, end)
      if (number >= 0 && number < starts.length) {
        for (let i = starts[number]; i < ends[number]; i++) tokens[count++] = tokens[i]
        return
      }
      const found = this.table.encode(Buffer.from(text.slice(start, end)))
      if (number >= 0) {
        starts.push(count)
        ends.push(count + found.length)
      }
      for (let i = 0; i < found.length; i++) tokens[count++] = found[i]
    })
    return tokens.slice(0, count)
  }

  /**
   * The text of `tokens`. Bytes that are not UTF-8 become U+FFFD.
   *
   * @throws NanoGptError 'unknown_token' naming the first id that is not an integer in 0 … vocabSize − 1
   */
  decode(tokens: ArrayLike<number>): string {
    expectTokens(tokens)
    return textOf(tokens, this.bytesAt)
  }

  decoder(): Decoder {
    return decoderOf(this.bytesAt)
  }

  bytesOf(token: number): Uint8Array {
    return this.bytesAt(token, 0)
  }

  toJSON(): BpeTokenizerJSON {
    return { type: this.type, merges: this.merges }
  }

  private readonly bytesAt = (token: number, position: number): Uint8Array => {
    const bytes = Number.isInteger(token) ? this.bytes[token] : undefined
    if (bytes === undefined) throw unknownToken(token, position, this.vocabSize)
    return bytes
  }
}
