// The names of the tokenizers.

export const tokenizerNames = ['char'] as const
export type TokenizerName = (typeof tokenizerNames)[number]
