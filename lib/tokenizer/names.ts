// The names of the tokenizers.

export const tokenizerNames = ['char', 'byte', 'bpe', 'gpt2'] as const
export type TokenizerName = (typeof tokenizerNames)[number]

/** The sizes that a BPE vocabulary can have: at least the bytes, and ids of 16 bits. */
export const smallestVocabulary = 256
export const largestVocabulary = 65536
