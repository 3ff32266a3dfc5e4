// What tokenizers share whose tokens are groups of bytes.

import { decoderOf, textOf } from './bytes'
import type { PieceEncoder } from './encoder'
import { lastCut } from './pieces'
import type { ByteEncoder, Decoder, Tokenizer, TokenizerJSON, Tokens } from './tokenizer'
import { expectTokens, expectWellFormed, unknownToken } from './validate'
import type { Vocabulary } from './vocabulary'

export abstract class BytewiseTokenizer implements Tokenizer, ByteEncoder {
  abstract readonly type: Tokenizer['type']
  private made: PieceEncoder | undefined

  protected constructor(
    private readonly vocabulary: Vocabulary,
    /** Makes the encoder, when it is needed. */
    private readonly makeEncoder: () => PieceEncoder,
  ) {}

  get vocabSize(): number {
    return this.vocabulary.size
  }

  /**
   * The tokens of `text`.
   *
   * @throws NanoGptError 'lone_surrogate', 'option' if `text` is not a string
   */
  encode(text: string): Tokens {
    expectWellFormed(text)
    return this.encodeBytes(Buffer.from(text))
  }

  encodeBytes(utf8: Uint8Array): Tokens {
    return this.encoder.encode(utf8)
  }

  safeCut(utf8: Uint8Array): number {
    return lastCut(utf8)
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

  abstract toJSON(): TokenizerJSON

  private get encoder(): PieceEncoder {
    this.made ??= this.makeEncoder()
    return this.made
  }

  private readonly bytesAt = (token: number, position: number): Uint8Array => {
    const bytes = this.vocabulary.bytesOf(token)
    if (bytes === undefined) throw unknownToken(token, position, this.vocabSize)
    return bytes
  }
}
