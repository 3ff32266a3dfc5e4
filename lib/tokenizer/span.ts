// Sequences of tokens that need not be in memory.

import type { Tokens } from './tokenizer'

/** A sequence of tokens, in memory or in a file. */
export interface TokenSpan {
  readonly length: number
  /** The tokens from … to − 1. */
  read(from: number, to: number): Promise<Tokens>
}

/** The type of the ids in memory and in files. */
export type TokenDtype = 'u8' | 'u16' | 'u32'

/** The tokens of a whole text, which a session can hold. */
export interface Corpus extends TokenSpan {
  readonly dtype: TokenDtype
  /** The tokens themselves, or the file that contains them from byte `offset` on. */
  readonly from: { readonly tokens: Tokens } | { readonly path: string; readonly offset: number }
}

/** A part of a sequence. */
export function partOf(span: TokenSpan, from: number, to: number): TokenSpan {
  return { length: to - from, read: (start, end) => span.read(from + start, from + end) }
}

/** The tokens of a text in memory. */
export function corpusOf(tokens: Tokens): Corpus {
  return {
    dtype: dtypeOf(tokens),
    length: tokens.length,
    from: { tokens },
    read: async (from, to) => tokens.subarray(from, to),
  }
}

/** The bytes of memory that a corpus needs on the CPU. A file needs none: its pages can be dropped. */
export function bytesOf({ from }: Corpus): number {
  return 'tokens' in from ? from.tokens.byteLength : 0
}

const dtypes = { 1: 'u8', 2: 'u16', 4: 'u32' } as const

/** The type of the ids in an array. */
export function dtypeOf({ BYTES_PER_ELEMENT }: Tokens): TokenDtype {
  return dtypes[BYTES_PER_ELEMENT as keyof typeof dtypes]
}
