// From tokens that are bytes of UTF-8 to text.

import type { Decoder } from './tokenizer'

/** The bytes of a token. Throws for a token that is unknown; `position` is for the error. */
export type BytesOf = (token: number, position: number) => Uint8Array

/** A byte order mark is text, too. */
const newDecoder = () => new TextDecoder('utf-8', { ignoreBOM: true })

/** The text of `tokens`. Bytes that are not UTF-8 become U+FFFD. */
export function textOf(tokens: ArrayLike<number>, bytesOf: BytesOf): string {
  const parts = Array.from(tokens, bytesOf)
  return newDecoder().decode(Buffer.concat(parts))
}

/** Yields the same text token by token, in whole characters. */
export function decoderOf(bytesOf: BytesOf): Decoder {
  const decoder = newDecoder()
  let count = 0
  return {
    push: (token) => decoder.decode(bytesOf(token, count++), { stream: true }),
    end: () => {
      count = 0
      return decoder.decode()
    },
  }
}
