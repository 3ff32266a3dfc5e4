// The BPE tokenizer: byte-pair encoding on the bytes of the text, with the merges that a training text
// gives.

import { NanoGptError } from '../errors'
import { BytewiseTokenizer } from './bytewise'
import { bytewiseOf, PieceEncoder } from './encoder'
import { learnMerges, longestToken } from './learn'
import { largestVocabulary, smallestVocabulary } from './names'
import type { TokenizerJSON } from './tokenizer'
import { damaged, expectWellFormed } from './validate'
import { Vocabulary } from './vocabulary'

export interface BpeTokenizerJSON extends TokenizerJSON {
  readonly type: 'bpe'
  /** The two tokens of each merge, one after the other. */
  readonly merges: readonly number[]
}

const identity = Uint16Array.from({ length: 256 }, (_, byte) => byte)

/**
 * @example
 * const tokenizer = BpeTokenizer.fromText('the cat, the hat', 259)
 * tokenizer.encode('the hat') // Uint16Array [258, 32, 104, 256]: 'the', ' ', 'h', 'at'
 */
export class BpeTokenizer extends BytewiseTokenizer {
  readonly type = 'bpe'

  private constructor(
    /** The two tokens of each merge, one after the other. */
    readonly merges: readonly number[],
  ) {
    super(Vocabulary.ofMerges(identity, merges), () => new PieceEncoder(bytewiseOf(merges, identity)))
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
    return BpeTokenizer.fromBytes(Buffer.from(text), vocabSize)
  }

  /**
   * Like `fromText`, for a text in UTF-8.
   *
   * @internal
   */
  static fromBytes(utf8: Uint8Array, vocabSize: number): BpeTokenizer {
    if (utf8.length === 0) {
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
    return new BpeTokenizer(learnMerges(utf8, vocabSize - 256))
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

  toJSON(): BpeTokenizerJSON {
    return { type: this.type, merges: this.merges }
  }
}
