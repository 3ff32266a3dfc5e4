// The interface of tokenizers. A new kind needs a file in this folder, a name in names.ts and a
// line in index.ts. test/tokenizer/index.test.ts then tests it.

import type { TokenizerType } from './names'

/** Token ids, in the smallest type that holds the vocabulary: 8 bits up to 256 tokens, 16 up to 65,536. */
export type Tokens = Uint8Array | Uint16Array | Uint32Array

/** A tokenizer in a checkpoint. `type` is the name of its kind. */
export interface TokenizerJSON {
  readonly type: string
}

/**
 * Converts tokens to text one by one. A token need not be a whole character, so text may come later
 * than its first token.
 */
export interface Decoder {
  /**
   * The text that this token completes: whole characters only, '' while a character is incomplete.
   * Throws NanoGptError 'unknown_token' for an id outside the vocabulary.
   */
  push(token: number): string
  /** The text of an incomplete character after the last token. Resets the decoder. */
  end(): string
}

/** Converts text to token ids in 0 … vocabSize − 1, and back: `decode(encode(text)) === text`. */
export interface Tokenizer {
  readonly type: TokenizerType
  readonly vocabSize: number
  /**
   * The tokens of `text`. Throws NanoGptError 'unknown_character' for text outside the vocabulary,
   * 'lone_surrogate' for text that is not well-formed.
   */
  encode(text: string): Tokens
  /** The text of `tokens`. Throws NanoGptError 'unknown_token' for an id outside the vocabulary. */
  decode(tokens: ArrayLike<number>): string
  /**
   * A new decoder, which yields the same text as `decode`, in pieces.
   *
   * @param continues whether the tokens continue a text. A tokenizer may begin a text with a space
   *   that is not part of it, and decoding removes. Default: false
   */
  decoder(continues?: boolean): Decoder
  /**
   * The bytes of a token in UTF-8, which may be a part of a character. They must not be changed. Throws
   * NanoGptError 'unknown_token' for an id outside the vocabulary.
   */
  bytesOf(token: number): Uint8Array
  toJSON(): TokenizerJSON
}

/** A tokenizer that also reads UTF-8, as files contain it. */
export interface ByteEncoder {
  /**
   * The tokens of a text in UTF-8: those of the string. UTF-8 that is not valid isn't noticed.
   *
   * @internal
   */
  encodeBytes(utf8: Uint8Array): Tokens
  /**
   * How much of the beginning of a text can be encoded before the rest is known: the tokens of that
   * part, followed by those of the rest, are the tokens of the whole. 0 if that is unknown. The text may
   * end within a character.
   *
   * @internal
   */
  safeCut(utf8: Uint8Array): number
}

/** The same tokenizer, if it reads UTF-8. */
export function byteEncoderOf(tokenizer: Tokenizer): ByteEncoder | undefined {
  return 'encodeBytes' in tokenizer ? (tokenizer as Tokenizer & ByteEncoder) : undefined
}
