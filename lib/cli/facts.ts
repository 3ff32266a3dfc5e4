// Facts of a run that several commands print.

import type { Best } from '../checkpoint/checkpoint'
import { plural } from './words'

/** A tokenizer with its vocabulary: `bpe: a vocabulary of 4,096 tokens`. */
export function describeTokenizer({ type, vocabSize }: { type: string; vocabSize: number }): string {
  return `${type}: a vocabulary of ${plural(vocabSize, type === 'char' ? 'character' : 'token')}`
}

/** The best loss of a run: `2.4145 (3.483 bits per byte), after 300 steps`. */
export function describeBest({ valLoss, valBitsPerByte, step }: Best): string {
  const bits = valBitsPerByte === undefined ? '' : ` (${valBitsPerByte.toFixed(3)} bits per byte)`
  return `${valLoss.toFixed(4)}${bits}, after ${plural(step, 'step')}`
}
