// The kinds of tokenizers: how each is created for a text, and restored from a checkpoint.

import { NanoGptError, show } from '../errors'
import { BpeTokenizer } from './bpe'
import { ByteTokenizer } from './byte'
import { CharTokenizer } from './char'
import { Gpt2Tokenizer } from './gpt2'
import { type TokenizerName, tokenizerNames } from './names'
import type { Tokenizer } from './tokenizer'

export { type TokenizerName, tokenizerNames } from './names'
export type { Decoder, Tokenizer, TokenizerJSON, Tokens } from './tokenizer'

interface Kind {
  fromText(text: string, vocabSize: number): Tokenizer
  fromJSON(json: unknown): Tokenizer
}

const kinds: Readonly<Record<TokenizerName, Kind>> = {
  char: CharTokenizer,
  byte: { fromText: () => new ByteTokenizer(), fromJSON: () => new ByteTokenizer() },
  bpe: BpeTokenizer,
  gpt2: { fromText: () => new Gpt2Tokenizer(), fromJSON: () => new Gpt2Tokenizer() },
}

/**
 * Creates a tokenizer for a text. Throws the kind's error for a text that it cannot use.
 *
 * @param vocabSize for 'bpe'
 */
export function createTokenizer(name: TokenizerName, text: string, vocabSize: number): Tokenizer {
  return kinds[name].fromText(text, vocabSize)
}

/**
 * Restores the tokenizer that `toJSON` wrote.
 *
 * @throws NanoGptError 'tokenizer' if the type is unknown or the data is damaged.
 */
export function tokenizerFromJSON(json: unknown): Tokenizer {
  const type = typeof json === 'object' && json !== null ? (json as { type?: unknown }).type : undefined
  if (isName(type)) return kinds[type].fromJSON(json)
  throw new NanoGptError('tokenizer', {
    subject: 'tokenizer.type',
    value: type,
    reason: `this version of nano-gpt reads ${tokenizerNames.map((name) => show(name)).join(' or ')}`,
    remedy: 'Use the version that wrote it, or a newer one',
  })
}

function isName(name: unknown): name is TokenizerName {
  return tokenizerNames.includes(name as TokenizerName)
}
