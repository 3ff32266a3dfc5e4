// Facts of a run that several commands print.

import type { Model } from '../api/model'
import type { Best } from '../checkpoint/checkpoint'
import { printable } from '../errors'
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

/** A model that was loaded: `runs/a, after 300 steps on shakespeare, char: a vocabulary of 65 characters`. */
export function describeModel(path: string, { info, tokenizer }: Model): string {
  const trained = info.data ? ` on ${printable(info.data.name)}` : ''
  return `${path}, after ${plural(info.step, 'step')}${trained}, ${describeTokenizer(tokenizer)}`
}
