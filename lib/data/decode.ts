// Decodes the bytes of a file as UTF-8, or as UTF-16 if they are. A file that is not text is
// rejected with its kind.

import { NanoGptError } from '../errors'
import { fileKindOf } from './file_kinds'
import { type About, decodeUtf8 } from './utf8'

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be'

export interface Decoded {
  readonly text: string
  readonly encoding: Encoding
}

/** The number of bytes that are examined to tell the encoding. */
export const sampleBytes = 1 << 16

/**
 * Decodes the text of a file, without its byte order mark.
 *
 * @param about the subject of errors
 * @throws NanoGptError 'not_text' for a file that is known or appears to be binary; 'not_utf8',
 *   'not_utf16'
 */
export function decodeText(bytes: Uint8Array, about: About): Decoded {
  const encoding = encodingOf(bytes, about)
  return encoding === 'utf-8'
    ? { text: decodeUtf8(bytes, about), encoding }
    : decodeUtf16(bytes, encoding, about)
}

/**
 * The encoding of a text that begins with these bytes, at least `sampleBytes` of them unless it is
 * shorter.
 *
 * @throws NanoGptError 'not_text' for a file that is known or appears to be binary; 'not_utf8' for UTF-32
 */
export function encodingOf(bytes: Uint8Array, about: About): Encoding {
  const zeros = bytes.includes(0)
  const kind = fileKindOf(bytes, !zeros && isUtf8(bytes))
  if (kind) {
    throw new NanoGptError('not_text', {
      ...about,
      reason: `${kind.what}, not a text file`,
      remedy: kind.remedy,
    })
  }
  if (beginsWith(bytes, [0xff, 0xfe, 0, 0]) || beginsWith(bytes, [0, 0, 0xfe, 0xff])) {
    throw new NanoGptError('not_utf8', {
      ...about,
      reason: 'UTF-32, not UTF-8',
      remedy: 'Convert it with `iconv -f utf-32 -t utf-8`',
    })
  }
  if (beginsWith(bytes, [0xff, 0xfe])) return 'utf-16le'
  if (beginsWith(bytes, [0xfe, 0xff])) return 'utf-16be'
  if (!zeros) return 'utf-8'
  const encoding = utf16Of(bytes)
  if (encoding) return encoding
  throw binary(bytes, about)
}

/** @param offset of the bytes in the file */
export function binary(bytes: Uint8Array, about: About, offset = 0): NanoGptError {
  let zeros = 0
  for (let i = bytes.indexOf(0); i >= 0; i = bytes.indexOf(0, i + 1)) zeros++
  const first = offset + bytes.indexOf(0)
  const count = zeros === 1 ? `a zero byte at ${first}` : `${zeros} zero bytes, the first at ${first}`
  return new NanoGptError('not_text', {
    ...about,
    reason: `it contains ${count}, so it looks like a binary file`,
    remedy: 'Give a text file, or remove the zero bytes',
  })
}

type Utf16 = Exclude<Encoding, 'utf-8'>

function decodeUtf16(bytes: Uint8Array, encoding: Utf16, about: About): Decoded {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
    expectNoZeros(text, about)
    return { text, encoding }
  } catch (cause) {
    throw notUtf16(cause, bytes.length, about)
  }
}

/** @throws NanoGptError 'not_text' for text decoded from UTF-16 with a zero character */
export function expectNoZeros(text: string, about: About): void {
  if (!text.includes('\0')) return
  throw new NanoGptError('not_text', {
    ...about,
    reason: 'it begins like UTF-16 but contains zero characters, so it looks like a binary file',
    remedy: 'Give a text file',
  })
}

/** The error for a cause that a decoder of UTF-16 threw. @param length of the file in bytes */
export function notUtf16(cause: unknown, length: number, about: About): NanoGptError {
  if (cause instanceof NanoGptError) return cause
  const details = {
    ...about,
    reason: length % 2 === 1 ? 'UTF-16 with an odd number of bytes' : 'UTF-16 with an unpaired surrogate',
    remedy: 'Save it as UTF-8 in an editor',
  }
  return new NanoGptError('not_utf16', details, { cause })
}

/**
 * Detects UTF-16 without a byte order mark and its byte order. Characters up to U+00FF, such as
 * spaces and line breaks, have a zero high byte, so zeros are mostly at even or mostly at odd
 * offsets.
 */
function utf16Of(bytes: Uint8Array): Utf16 | undefined {
  if (bytes.length % 2 === 1) return undefined
  const zeros = [0, 0]
  const sample = bytes.subarray(0, sampleBytes)
  for (let i = 0; i < sample.length; i++) if (sample[i] === 0) zeros[i % 2]++
  // No zeros in the sample, or as many at even as at odd offsets: not UTF-16.
  if (zeros[0] === zeros[1]) return undefined
  const encoding = zeros[1] > zeros[0] ? 'utf-16le' : 'utf-16be'
  const text = plausibleText(sample, encoding)
  if (text === undefined) return undefined
  // Text in Latin letters usually has this many zeros. ASCII padded with zeros, such as
  // fixed-length records, is rejected below.
  if (Math.max(...zeros) >= 0.6 * (sample.length / 2)) return encoding
  return isAsciiText(sample) ? undefined : encoding
}

/** The bytes decoded as UTF-16, if the result has only characters that occur in texts. */
function plausibleText(bytes: Uint8Array, encoding: Utf16): string | undefined {
  let text: string
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true })
  } catch {
    return undefined
  }
  // Control characters other than tabs and line breaks, and unassigned code points.
  return /(?![\t-\r])[\p{Cc}\p{Cn}]/u.test(text) ? undefined : text
}

/** Whether the bytes are only zeros, printable ASCII, tabs and line breaks. */
function isAsciiText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0 || (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13))
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, sampleBytes), { stream: true })
    return true
  } catch {
    return false
  }
}

function beginsWith(bytes: Uint8Array, wanted: readonly number[]): boolean {
  return wanted.every((byte, i) => bytes[i] === byte)
}
