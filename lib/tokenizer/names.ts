// What tokenizers are called.

export const tokenizerNames = ['char'] as const
export type TokenizerName = (typeof tokenizerNames)[number]
