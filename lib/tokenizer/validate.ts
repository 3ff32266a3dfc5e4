// What all tokenizers check, and the errors that they share.

import { type Details, NanoGptError, show } from '../errors'
import type { Tokens } from './tokenizer'

/** Allocates `length` tokens in the smallest type that holds the vocabulary. */
export function allocateTokens(vocabSize: number, length: number): Tokens {
  if (vocabSize <= 256) return new Uint8Array(length)
  return vocabSize <= 65536 ? new Uint16Array(length) : new Uint32Array(length)
}

/** @throws NanoGptError 'option' if it is not a string, 'lone_surrogate' */
export function expectWellFormed(text: string): void {
  expectString(text)
  // Faster, but not known to TypeScript's library of this target.
  if ((text as string & { isWellFormed(): boolean }).isWellFormed()) return
  const index = firstLoneSurrogate(text)
  throw loneSurrogate(text.charCodeAt(index), index)
}

/** @throws NanoGptError 'option' */
export function expectString(text: unknown): void {
  if (typeof text === 'string') return
  throw new NanoGptError('option', { option: 'text', value: text, reason: 'must be a string' })
}

/** @throws NanoGptError 'option' */
export function expectTokens(tokens: ArrayLike<number>): void {
  // Checked by its length, because `instanceof` fails for a typed array of another realm.
  if (typeof tokens === 'object' && Number.isInteger(tokens?.length)) return
  throw new NanoGptError('option', {
    option: 'tokens',
    value: tokens,
    reason: 'must be an array or a typed array of token ids',
  })
}

/** @param position the index of the token */
export function unknownToken(token: unknown, position: number, vocabSize: number): NanoGptError {
  return new NanoGptError('unknown_token', {
    reason: `token ${typeof token === 'number' ? token : show(token)} at position ${position} is not in the vocabulary`,
    remedy: `Token ids go from 0 to ${vocabSize - 1}`,
  })
}

/** The index of the first unpaired surrogate in UTF-16 units; −1 if there is none. */
export function firstLoneSurrogate(text: string): number {
  return text.search(/\p{Surrogate}/u)
}

/**
 * The error for text that is not well-formed Unicode.
 *
 * @param index in UTF-16 units
 * @param about the subject of the error, such as an option
 */
export function loneSurrogate(
  codePoint: number,
  index: number,
  about: Pick<Details, 'option' | 'subject'> = {},
): NanoGptError {
  const half = `an unpaired surrogate (U+${codePoint.toString(16).toUpperCase()})`
  return new NanoGptError('lone_surrogate', {
    ...about,
    reason: `the text has ${half} at index ${index}, possibly because it was cut in the middle of an emoji`,
    remedy: 'Remove it, or call text.toWellFormed()',
  })
}

/** The error for a tokenizer in a file. */
export function damaged(tokenizer: string, problem: string): NanoGptError {
  return new NanoGptError('tokenizer', {
    reason: `the ${tokenizer} tokenizer is damaged: ${problem}`,
    remedy: 'Use another checkpoint',
  })
}
