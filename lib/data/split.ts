// Splits a token sequence into training and validation data.

import { NanoGptError, option, say } from '../errors'
import type { Tokens } from '../tokenizer/tokenizer'

/** Tensor dimensions are i32. */
const longestBlock = 0x7fffffff

/** The fraction of tokens for training. The rest is for validation. */
const trainingPart = 0.9

export interface Splits<T> {
  /** The first floor(0.9 · n) tokens. */
  readonly train: T
  readonly validation: T
}

/** Where a split begins in the text, and its length, in tokens. */
export interface Range {
  readonly from: number
  readonly length: number
}

/** Splits tokens as `splitRanges` does. Both splits are views, not copies. */
export function splitTokens<T extends Tokens>(tokens: T, blockSize: number, fixed = false): Splits<T> {
  const { train, validation } = splitRanges(tokens.length, blockSize, fixed)
  const view = ({ from, length }: Range) => tokens.subarray(from, from + length) as T
  return { train: view(train), validation: view(validation) }
}

/**
 * Splits a text of `length` tokens into the first 90% and the rest.
 *
 * @param blockSize tokens per sequence. Each split must contain a sequence and its targets:
 *   blockSize + 1 tokens.
 * @param fixed whether blockSize is that of a trained model, so that the error does not suggest
 *   another one
 * @throws NanoGptError 'data_too_short' with the lengths and what would fit
 */
export function splitRanges(length: number, blockSize: number, fixed = false): Splits<Range> {
  if (!Number.isInteger(blockSize) || blockSize < 1 || blockSize > longestBlock) {
    const reason = `must be a whole number from 1 to ${longestBlock}`
    throw new NanoGptError('option', { option: 'blockSize', value: blockSize, reason })
  }
  if (shorterSplit(length) < blockSize + 1) throw tooShort(length, blockSize, fixed)
  return rangesOf(length)
}

/** The two splits, without a check of their lengths. */
export function rangesOf(length: number): Splits<Range> {
  const boundary = trainingLength(length)
  return { train: { from: 0, length: boundary }, validation: { from: boundary, length: length - boundary } }
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
