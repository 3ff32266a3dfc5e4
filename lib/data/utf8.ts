// Strict decoding of UTF-8, with errors that give the offset of the first invalid byte.

import { constants } from 'node:buffer'
import { type Details, NanoGptError } from '../errors'

/**
 * The length limit of a JavaScript string in UTF-16 units. A file of n bytes has at most n units.
 */
export const longestText = constants.MAX_STRING_LENGTH

/** The subject of an error. */
export type About = Pick<Details, 'option' | 'subject' | 'value'>

/**
 * Decodes UTF-8 bytes, without their byte order mark.
 *
 * @param about the subject of errors, or a path
 * @param keepsMark whether a byte order mark is part of the text; default: false
 * @throws NanoGptError 'not_utf8' with the offset of the first invalid byte
 */
export function decodeUtf8(bytes: Uint8Array, about: About | string, keepsMark = false): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: keepsMark }).decode(bytes)
  } catch (cause) {
    throw notUtf8(bytes, typeof about === 'string' ? { subject: about } : about, 0, cause)
  }
}

/**
 * The error for bytes that are not UTF-8.
 *
 * @param start the offset of the bytes in the file
 */
export function notUtf8(bytes: Uint8Array, about: About, start: number, cause?: unknown): NanoGptError {
  const offset = firstInvalidByte(bytes)
  const hex = bytes[offset]?.toString(16).toUpperCase().padStart(2, '0')
  const details = {
    ...about,
    reason: `not valid UTF-8 at byte ${start + offset} (0x${hex})`,
    remedy:
      'Save it as UTF-8 in an editor, or convert it with `iconv -f windows-1252 -t utf-8` if it is in a Western European encoding',
  }
  return new NanoGptError('not_utf8', details, { cause })
}

/** The number of bytes at the end that begin a sequence without completing it: 0 … 3. */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let count = 1; count <= Math.min(3, bytes.length); count++) {
    const byte = bytes[bytes.length - count]
    if (byte >> 6 === 2) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > count ? count : 0
  }
  return 0
}

/**
 * The offset of the first byte that does not begin a valid UTF-8 sequence, or the length if all are
 * valid.
 */
export function firstInvalidByte(bytes: Uint8Array): number {
  let i = 0
  while (i < bytes.length) {
    const length = sequenceLength(bytes, i)
    if (length === 0) return i
    i += length
  }
  return i
}

/**
 * The length of the sequence at `i`, or 0 if it is invalid (RFC 3629: no overlong forms, no
 * surrogates, up to U+10FFFF).
 */
export function sequenceLength(bytes: Uint8Array, i: number): number {
  const first = bytes[i]
  if (first < 0x80) return 1
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >> 4 === 0xe ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0
  if (length === 0) return 0
  // The range of the second byte excludes overlong forms, surrogates and code points above
  // U+10FFFF.
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (!(bytes[i + 1] >= lowest && bytes[i + 1] <= highest)) return 0
  for (let j = 2; j < length; j++) if (bytes[i + j] >> 6 !== 2) return 0
  return length
}
