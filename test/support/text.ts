// Texts and token sequences that the tests generate, without files or downloads, the same
// everywhere.

import { site, word } from '../../lib/random/philox'
import { Numbers } from './numeric'

const words = 'the cat sat on a mat and saw what the dog had done to its old grey hat so they ran off'.split(
  ' ',
)

/**
 * A text of about `length` characters with words, sentences and lines, so that a model can learn
 * something.
 */
export function someText(length = 3000, name = 'text'): string {
  const numbers = new Numbers(name)
  let text = ''
  while (text.length < length) {
    const sentence = Array.from({ length: 3 + (numbers.word() % 6) }, () => numbers.pick(words)).join(' ')
    text += `${sentence[0].toUpperCase()}${sentence.slice(1)}.${numbers.word() % 3 === 0 ? '\n' : ' '}`
  }
  return text.slice(0, length)
}

/** golden_corpus of scripts/torch/golden.py: token[i] = (word i mod 8) + 8 (i mod 8). */
export function goldenCorpus(length: number, seed: { low: number; high: number }): Uint16Array {
  const where = site('golden.corpus')
  return Uint16Array.from({ length }, (_, i) => (word(i, where, 0, seed) % 8) + 8 * (i % 8))
}
