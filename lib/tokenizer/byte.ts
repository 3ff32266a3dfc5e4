// The byte tokenizer: the bytes of the text in UTF-8. It needs no vocabulary, so it encodes any text.

import type { Decoder, Tokenizer, TokenizerJSON, Tokens } from './tokenizer'
import {
  allocateTokens,
  expectString,
  expectTokens,
  firstLoneSurrogate,
  loneSurrogate,
  unknownToken,
} from './validate'

/**
 * @example
 * const tokenizer = new ByteTokenizer()
 * tokenizer.encode('né') // Uint16Array [110, 195, 169]
 * tokenizer.decode([110, 195, 169]) // 'né'
 */
export class ByteTokenizer implements Tokenizer {
  readonly type = 'byte'
  readonly vocabSize = 256

  /**
   * The bytes of `text`.
   *
   * @throws NanoGptError 'lone_surrogate', 'option' if `text` is not a string
   */
  encode(text: string): Tokens {
    expectString(text)
    const index = firstLoneSurrogate(text)
    if (index >= 0) throw loneSurrogate(text.charCodeAt(index), index)
    const bytes = Buffer.from(text, 'utf8')
    const tokens = allocateTokens(this.vocabSize, bytes.length)
    tokens.set(bytes)
    return tokens
  }

  /**
   * The text of `tokens`. Bytes that are not UTF-8 become U+FFFD.
   *
   * @throws NanoGptError 'unknown_token' naming the first id that is not an integer in 0 … 255
   */
  decode(tokens: ArrayLike<number>): string {
    expectTokens(tokens)
    const bytes = Uint8Array.from({ length: tokens.length }, (_, i) => byteOf(tokens[i], i))
    return newDecoder().decode(bytes)
  }

  decoder(): Decoder {
    const decoder = newDecoder()
    let count = 0
    return {
      push: (token) => decoder.decode(Uint8Array.of(byteOf(token, count++)), { stream: true }),
      end: () => {
        count = 0
        return decoder.decode()
      },
    }
  }

  toJSON(): TokenizerJSON {
    return { type: this.type }
  }
}

/** A byte order mark is text, too. */
const newDecoder = () => new TextDecoder('utf-8', { ignoreBOM: true })

function byteOf(token: number, position: number): number {
  if (Number.isInteger(token) && token >= 0 && token <= 255) return token
  throw unknownToken(token, position, 256)
}
