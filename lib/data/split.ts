// The training and validation splits of a token sequence.

import { NanoGptError, option, say } from '../errors'

/** A dimension of a tensor: an i32. */
const longestBlock = 0x7fffffff

/** A part of the tokens that are trained on; the rest validates. */
const trainingPart = 0.9

export interface Splits<T> {
  /** The first floor(0.9 · n) tokens. */
  readonly train: T
  readonly validation: T
}

/**
 * Splits tokens into the first 90 % and the rest. Both are views, not copies.
 *
 * @param blockSize the tokens of one sequence; each split must hold one and its targets, so blockSize + 1 tokens.
 * @param fixed blockSize is a trained model's: the error doesn't advise another.
 * @throws NanoGptError 'data_too_short' with the lengths and what would fit.
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
  const boundary = trainingLength(tokens.length)
  const shorter = shorterSplit(tokens.length)
  if (shorter < blockSize + 1) throw tooShort(tokens.length, blockSize, fixed)
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
  const parts = `of its ${length} tokens ${train} train and ${length - train} validate, and each part needs ${blockSize + 1}`
  const longer = `Use a text of at least ${needed} tokens`
  return new NanoGptError('data_too_short', {
    option: 'data',
    reason: say`the text is too short for ${option('blockSize', blockSize)}: ${parts}`,
    remedy: largest >= 1 && !fixed ? say`${longer}, or ${option('blockSize')} of at most ${largest}` : longer,
  })
}
