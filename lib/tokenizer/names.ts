// The names of the tokenizers.

export const tokenizerNames = ['char', 'byte'] as const
export type TokenizerName = (typeof tokenizerNames)[number]
