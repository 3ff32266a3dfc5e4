// The byte tokenizer: the bytes of the text in UTF-8. It needs no vocabulary, so it encodes any text.

import { decoderOf, textOf } from './bytes'
import type { ByteEncoder, Decoder, Tokenizer, TokenizerJSON, Tokens } from './tokenizer'
import { allocateTokens, expectTokens, expectWellFormed, unknownToken } from './validate'

/**
 * @example
 * const tokenizer = new ByteTokenizer()
 * tokenizer.encode('né') // Uint8Array [110, 195, 169]
 * tokenizer.decode([110, 195, 169]) // 'né'
 */
export class ByteTokenizer implements Tokenizer, ByteEncoder {
  readonly type = 'byte'
  readonly vocabSize = 256

  /**
   * The bytes of `text`.
   *
   * @throws NanoGptError 'lone_surrogate', 'option' if `text` is not a string
   */
  encode(text: string): Tokens {
    expectWellFormed(text)
    return this.encodeBytes(Buffer.from(text))
  }

  encodeBytes(utf8: Uint8Array): Tokens {
    const tokens = allocateTokens(this.vocabSize, utf8.length)
    tokens.set(utf8)
    return tokens
  }

  safeCut(utf8: Uint8Array): number {
    return utf8.length
  }

  /**
   * The text of `tokens`. Bytes that are not UTF-8 become U+FFFD.
   *
   * @throws NanoGptError 'unknown_token' naming the first id that is not an integer in 0 … 255
   */
  decode(tokens: ArrayLike<number>): string {
    expectTokens(tokens)
    return textOf(tokens, byteOf)
  }

  decoder(): Decoder {
    return decoderOf(byteOf)
  }

  bytesOf(token: number): Uint8Array {
    return byteOf(token, 0)
  }

  toJSON(): TokenizerJSON {
    return { type: this.type }
  }
}

function byteOf(token: number, position: number): Uint8Array {
  if (Number.isInteger(token) && token >= 0 && token <= 255) return Uint8Array.of(token)
  throw unknownToken(token, position, 256)
}
