// The names of the tokenizers.

export const tokenizerNames = ['char', 'byte', 'bpe', 'gpt2'] as const
export type TokenizerName = (typeof tokenizerNames)[number]

/** The name of the files that describe tokenizers, and the type of a tokenizer that comes from one. */
export const tokenizerFile = 'tokenizer.json'
export type TokenizerType = TokenizerName | typeof tokenizerFile

/** The sizes that a BPE vocabulary can have: at least the bytes, and ids of 16 bits. */
export const smallestVocabulary = 256
export const largestVocabulary = 65536

/** What a token is, for people. */
export type TokenUnit = 'character' | 'byte' | 'token'

/** @param tokenizer a kind of tokenizer, or the path of a tokenizer.json */
export function unitOf(tokenizer: string): TokenUnit {
  return tokenizer === 'char' ? 'character' : tokenizer === 'byte' ? 'byte' : 'token'
}
