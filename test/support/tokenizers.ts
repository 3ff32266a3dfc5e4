// What holds for every tokenizer that encodes bytes.

import type { ByteEncoder, Tokenizer } from '../../lib/tokenizer'

/**
 * A text is decoded to `expected`, also token by token in whole characters, and may be cut where
 * `safeCut` says, in a part of `where` bytes.
 */
export function expectRoundTrip(
  tokenizer: Tokenizer & ByteEncoder,
  text: string,
  where: number,
  expected = text,
): void {
  const tokens = tokenizer.encode(text)
  expect(tokenizer.decode(tokens)).toBe(expected)
  const decoder = tokenizer.decoder()
  const parts = [...Array.from(tokens, (token) => decoder.push(token)), decoder.end()]
  expect(parts.join('')).toBe(expected)
  expect(parts.filter((part) => /\p{Surrogate}/u.test(part))).toEqual([])
  const utf8 = Buffer.from(text)
  const cut = tokenizer.safeCut(utf8.subarray(0, where % (utf8.length + 1)))
  expect([
    ...tokenizer.encodeBytes(utf8.subarray(0, cut)),
    ...tokenizer.encodeBytes(utf8.subarray(cut)),
  ]).toEqual([...tokens])
}
