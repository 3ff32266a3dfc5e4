// The interface of tokenizers. A new kind needs a file in this folder, a name in names.ts and a
// line in index.ts. test/tokenizer/index.test.ts then tests it.

import type { TokenizerName } from './names'

/** Token ids, in the smallest type that holds the vocabulary: 16 bits up to 65,536 tokens. */
export type Tokens = Uint16Array | Uint32Array

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
  readonly type: TokenizerName
  readonly vocabSize: number
  /**
   * The tokens of `text`. Throws NanoGptError 'unknown_character' for text outside the vocabulary,
   * 'lone_surrogate' for text that is not well-formed.
   */
  encode(text: string): Tokens
  /** The text of `tokens`. Throws NanoGptError 'unknown_token' for an id outside the vocabulary. */
  decode(tokens: ArrayLike<number>): string
  /** A new decoder, which yields the same text as `decode`, in pieces. */
  decoder(): Decoder
  /**
   * The bytes of a token in UTF-8, which may be a part of a character. They must not be changed. Throws
   * NanoGptError 'unknown_token' for an id outside the vocabulary.
   */
  bytesOf(token: number): Uint8Array
  toJSON(): TokenizerJSON
}
