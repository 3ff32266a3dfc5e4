// Bits per byte: losses that do not depend on how a tokenizer divides the text.

import type { TokenSpan } from './span'
import type { Tokenizer, Tokens } from './tokenizer'

/** Tokens that are read at once from a file. */
const tokensPerRead = 1 << 20

/**
 * The bytes of UTF-8 per token of a split, over the tokens that a model predicts: all but the first.
 *
 * @param tokens at least 2; NaN for fewer
 */
export async function bytesPerToken(tokenizer: Tokenizer, tokens: TokenSpan): Promise<number> {
  const lengths = lengthsOf(tokenizer)
  let sum = 0
  for (let at = 1; at < tokens.length; at += tokensPerRead) {
    sum += sumOf(await tokens.read(at, Math.min(tokens.length, at + tokensPerRead)), lengths)
  }
  return sum / (tokens.length - 1)
}

/** The number of bytes of UTF-8 that `tokens` stand for. */
export function bytesIn(tokenizer: Tokenizer, tokens: Tokens): number {
  return sumOf(tokens, lengthsOf(tokenizer))
}

function lengthsOf(tokenizer: Tokenizer): Uint32Array {
  return Uint32Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.bytesOf(id).length)
}

function sumOf(tokens: Tokens, lengths: Uint32Array): number {
  let sum = 0
  for (let i = 0; i < tokens.length; i++) sum += lengths[tokens[i]]
  return sum
}

/** A loss in nats per token as bits per byte. */
export function bitsPerByte(loss: number, bytesPerToken: number): number {
  return loss / Math.LN2 / bytesPerToken
}
