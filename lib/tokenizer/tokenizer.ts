// What a tokenizer is, and how one comes back from a checkpoint. A new kind is a file beside this one and a line below.

import { NanoGptError, show } from '../errors'
import { CharTokenizer } from './char'

/** Token ids, in the smallest type that holds the vocabulary: 16 bits up to 65,536 tokens. */
export type Tokens = Uint16Array | Uint32Array

/** What a checkpoint keeps of a tokenizer; `type` says which kind it is. */
export interface TokenizerJSON {
  readonly type: string
}

/** Turns text into token ids in 0 … vocabSize − 1, and back: `decode(encode(text)) === text`. */
export interface Tokenizer {
  readonly type: string
  readonly vocabSize: number
  /**
   * The tokens of `text`. Throws NanoGptError 'unknown_character' for what the vocabulary cannot write.
   *
   * @param remedy what that error advises; default: to leave the character out, or to train on a text that has it
   */
  encode(text: string, remedy?: string): Tokens
  /** The text of `tokens`. Throws NanoGptError 'unknown_token' for an id outside the vocabulary. */
  decode(tokens: ArrayLike<number>): string
  toJSON(): TokenizerJSON
}

/**
 * The tokenizer that `toJSON` wrote.
 *
 * @throws NanoGptError 'tokenizer' if the type is unknown or the data is damaged.
 */
export function tokenizerFromJSON(json: unknown): Tokenizer {
  const type = typeof json === 'object' && json !== null ? (json as { type?: unknown }).type : undefined
  if (type === 'char') return CharTokenizer.fromJSON(json)
  throw new NanoGptError(
    'tokenizer',
    `unknown tokenizer type ${show(type)}: this version of nano-gpt reads "char"; a newer one may read this`,
  )
}
