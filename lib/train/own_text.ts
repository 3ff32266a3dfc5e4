// The text that a run was trained on, read again.

import { join } from 'node:path'
import type { CheckpointInfo } from '../checkpoint/checkpoint'
import { files } from '../checkpoint/folder'
import { openText } from '../data/corpus'
import { type Range, rangesOf, type Splits } from '../data/split'
import { NanoGptError, reasonOf } from '../errors'
import { batchOffsets, seedFrom, site, uniform } from '../random/philox'
import type { Corpus } from '../tokenizer/span'
import type { Tokenizer, Tokens } from '../tokenizer/tokenizer'
import { encodeText } from './encoded'
import { formIn, sourcesIn } from './text'
import { trainSite } from './trainer'

/** The tokens of a run's text, and the parts to train on and to evaluate. */
export interface OwnText extends Splits<Range> {
  readonly corpus: Corpus
}

/**
 * Calls `work` with the text that a run was trained on.
 *
 * @param folder of the run, in which it may have kept a copy
 * @throws NanoGptError 'data' if the text was not kept, cannot be read, or is another one now; those of
 *   `encodeText`
 */
export async function withOwnText<T>(
  { data }: CheckpointInfo,
  folder: string,
  tokenizer: Tokenizer,
  work: (text: OwnText) => Promise<T>,
): Promise<T> {
  const sources = sourcesIn(data, join(folder, files.last))
  if (!sources) throw gone('it was not kept')
  const text = await openText(sources, formIn(data)).catch((error) => {
    const isMissing = error instanceof NanoGptError && error.code === 'data_not_found'
    throw gone(isMissing ? 'its file is no longer there' : reasonOf(error), error)
  })
  using _text = 'text' in text ? null : { [Symbol.dispose]: text.dispose }
  if (text.digest !== data.digest) throw gone('it has changed since')
  const corpus = await encodeText(text, tokenizer)
  return await work({ corpus, ...rangesOf(corpus.length) })
}

function gone(reason: string, cause?: unknown): NanoGptError {
  return new NanoGptError('data', { reason: `the text of this run is gone: ${reason}` }, { cause })
}

/** Where the first sequence of the next batch of a run begins in its text. */
export function nextSequence({ training, model, seed, step }: CheckpointInfo, train: Range): number {
  const first = new Uint32Array(1)
  const draw = step * training.gradientAccumulationSteps
  batchOffsets(first, train.length, model.blockSize, trainSite, draw, seedFrom(BigInt(seed)))
  return train.from + first[0]
}

/**
 * A part of the validation split, which no training has seen. The seed decides which.
 *
 * @param length in tokens, at most those of the split
 */
export function validationPart(
  { corpus, validation }: OwnText,
  length: number,
  seed: number,
): Promise<Tokens> {
  const chance = uniform(0, site('passage'), 0, seedFrom(seed))
  const from = validation.from + Math.floor(chance * (validation.length - length + 1))
  return corpus.read(from, from + length)
}
