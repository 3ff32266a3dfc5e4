// Splits a token sequence into training and validation data.

import { NanoGptError, option, say } from '../errors'

/** Tensor dimensions are i32. */
const longestBlock = 0x7fffffff

/** The fraction of tokens for training. The rest is for validation. */
const trainingPart = 0.9

export interface Splits<T> {
  /** The first floor(0.9 · n) tokens. */
  readonly train: T
  readonly validation: T
}

/**
 * Splits tokens into the first 90% and the rest. Both are views, not copies.
 *
 * @param blockSize tokens per sequence. Each split must contain a sequence and its targets:
 *   blockSize + 1 tokens.
 * @param fixed whether blockSize is that of a trained model, so that the error does not suggest
 *   another one
 * @throws NanoGptError 'data_too_short' with the lengths and what would fit
 */
export function splitTokens<T extends Uint16Array | Uint32Array>(
  tokens: T,
  blockSize: number,
  fixed = false,
): Splits<T> {
  if (!Number.isInteger(blockSize) || blockSize < 1 || blockSize > longestBlock) {
    const reason = `must be a whole number from 1 to ${longestBlock}`
    throw new NanoGptError('option', { option: 'blockSize', value: blockSize, reason })
  }
  const shorter = shorterSplit(tokens.length)
  if (shorter < blockSize + 1) throw tooShort(tokens.length, blockSize, fixed)
  return partsOf(tokens)
}

/** The two splits, without a check of their lengths. */
export function partsOf<T extends Uint16Array | Uint32Array>(tokens: T): Splits<T> {
  const boundary = trainingLength(tokens.length)
  return { train: tokens.subarray(0, boundary) as T, validation: tokens.subarray(boundary) as T }
}

function trainingLength(length: number): number {
  return Math.floor(trainingPart * length)
}

function shorterSplit(length: number): number {
  return Math.min(trainingLength(length), length - trainingLength(length))
}

function tooShort(length: number, blockSize: number, fixed: boolean): NanoGptError {
  const train = trainingLength(length)
  const largest = shorterSplit(length) - 1
  let needed = Math.max(10 * blockSize - 10, length)
  while (shorterSplit(needed) < blockSize + 1) needed++
  const parts = `its ${length} tokens are split into ${train} for training and ${length - train} for validation, and each needs ${blockSize + 1}`
  const longer = `Use a text of at least ${needed} tokens`
  return new NanoGptError('data_too_short', {
    option: 'data',
    reason: say`the text is too short for ${option('blockSize', blockSize)}: ${parts}`,
    remedy:
      largest >= 1 && !fixed ? say`${longer}, or a ${option('blockSize')} of at most ${largest}` : longer,
  })
}
