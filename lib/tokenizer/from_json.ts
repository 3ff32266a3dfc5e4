// How a tokenizer comes back from a checkpoint.

import { NanoGptError, show } from '../errors'
import { CharTokenizer } from './char'
import type { Tokenizer } from './tokenizer'

/**
 * The tokenizer that `toJSON` wrote.
 *
 * @throws NanoGptError 'tokenizer' if the type is unknown or the data is damaged.
 */
export function tokenizerFromJSON(json: unknown): Tokenizer {
  const type = typeof json === 'object' && json !== null ? (json as { type?: unknown }).type : undefined
  if (type === 'char') return CharTokenizer.fromJSON(json)
  throw new NanoGptError(
    'tokenizer',
    `unknown tokenizer type ${show(type)}: this version of nano-gpt reads "char"; a newer one may read this`,
  )
}
