// Bits per byte: losses that do not depend on how a tokenizer divides the text.

import type { Tokenizer, Tokens } from './tokenizer'

/**
 * The bytes of UTF-8 per token of a split, over the tokens that a model predicts: all but the first.
 *
 * @param tokens at least 2; NaN for fewer
 */
export function bytesPerToken(tokenizer: Tokenizer, tokens: Tokens): number {
  return bytesIn(tokenizer, tokens.subarray(1)) / (tokens.length - 1)
}

/** The number of bytes of UTF-8 that `tokens` stand for. */
export function bytesIn(tokenizer: Tokenizer, tokens: Tokens): number {
  const lengths = Uint32Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.bytesOf(id).length)
  let sum = 0
  for (let i = 0; i < tokens.length; i++) sum += lengths[tokens[i]]
  return sum
}

/** A loss in nats per token as bits per byte. */
export function bitsPerByte(loss: number, bytesPerToken: number): number {
  return loss / Math.LN2 / bytesPerToken
}
