// What a tokenizer is. A new kind is a file beside this one, a name in names.ts and a line in index.ts; its tests are those of
// test/tokenizer/index.test.ts.

/** Token ids, in the smallest type that holds the vocabulary: 16 bits up to 65,536 tokens. */
export type Tokens = Uint16Array | Uint32Array

/** What a checkpoint keeps of a tokenizer; `type` says which kind it is. */
export interface TokenizerJSON {
  readonly type: string
}

/** Turns tokens into text one by one. A token need not be a whole character, so text may come later than its first token. */
export interface Decoder {
  /**
   * The text that this token completes: whole characters only, '' while a character is incomplete.
   * Throws NanoGptError 'unknown_token' for an id outside the vocabulary.
   */
  push(token: number): string
  /** The text of what is still incomplete, once no token follows. The decoder can then start over. */
  end(): string
}

/** Turns text into token ids in 0 … vocabSize − 1, and back: `decode(encode(text)) === text`. */
export interface Tokenizer {
  readonly type: string
  readonly vocabSize: number
  /** The tokens of `text`. Throws NanoGptError 'unknown_character' for what the vocabulary cannot write. */
  encode(text: string): Tokens
  /** The text of `tokens`. Throws NanoGptError 'unknown_token' for an id outside the vocabulary. */
  decode(tokens: ArrayLike<number>): string
  /** A new decoder, which gives the same text as `decode`, in pieces. */
  decoder(): Decoder
  toJSON(): TokenizerJSON
}
