// Decodes a file that is too large for a string: chunks of bytes to chunks of UTF-8 that are valid by
// themselves. decode.ts does the same for a whole file.

import { isUtf8 } from 'node:buffer'
import type { Phrase } from '../errors'
import { binary, encodingOf, expectNoZeros, notUtf16, sampleBytes } from './decode'
import { countReturns, describeReturns, type LineEndings } from './line_endings'
import { type About, notUtf8, unfinishedBytes } from './utf8'

export type Chunks = AsyncIterable<Uint8Array>

/**
 * The text of a file in UTF-8, without its byte order mark.
 *
 * @param encoded called once with the encoding
 * @throws NanoGptError 'not_text', 'not_utf8', 'not_utf16'
 */
export async function* decodeStream(
  chunks: Chunks,
  about: About,
  encoded?: (encoding: ReturnType<typeof encodingOf>) => void,
): AsyncGenerator<Uint8Array, void> {
  const iterator = chunks[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array(0)
  try {
    while (head.length < sampleBytes) {
      const { value, done } = await iterator.next()
      if (done) break
      head = head.length === 0 ? value : Buffer.concat([head, value])
    }
    const encoding = encodingOf(head.subarray(0, sampleBytes), about)
    encoded?.(encoding)
    const all = (async function* () {
      yield head
      yield* { [Symbol.asyncIterator]: () => iterator }
    })()
    yield* encoding === 'utf-8' ? utf8Chunks(all, about) : fromUtf16(all, encoding, about)
  } finally {
    await iterator.return?.()
  }
}

const mark = [0xef, 0xbb, 0xbf]

/**
 * UTF-8, cut between characters.
 *
 * @param keepsMark whether a byte order mark is part of the text; default: false
 * @throws NanoGptError 'not_text', 'not_utf8'
 */
export async function* utf8Chunks(
  chunks: Chunks,
  about: About,
  keepsMark = false,
): AsyncGenerator<Uint8Array, void> {
  let rest: Uint8Array = new Uint8Array(0)
  let start = 0
  for await (const chunk of chunks) {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const whole = bytes.length - unfinishedBytes(bytes)
    rest = bytes.subarray(whole)
    bytes = bytes.subarray(0, whole)
    if (!keepsMark && bytes.includes(0)) throw binary(bytes, about, start)
    if (!isUtf8(bytes)) throw notUtf8(bytes, about, start)
    const skipped = !keepsMark && start === 0 && mark.every((byte, i) => bytes[i] === byte) ? mark.length : 0
    start += whole
    if (whole > skipped) yield bytes.subarray(skipped)
  }
  if (rest.length > 0) throw notUtf8(rest, about, start)
}

async function* fromUtf16(
  chunks: Chunks,
  encoding: 'utf-16le' | 'utf-16be',
  about: About,
): AsyncGenerator<Uint8Array, void> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  let length = 0
  const decode = (bytes?: Uint8Array) => {
    try {
      const text = decoder.decode(bytes, { stream: bytes !== undefined })
      expectNoZeros(text, about)
      return Buffer.from(text)
    } catch (cause) {
      throw notUtf16(cause, length, about)
    }
  }
  for await (const chunk of chunks) {
    length += chunk.length
    const bytes = decode(chunk)
    if (bytes.length > 0) yield bytes
  }
  const last = decode()
  if (last.length > 0) yield last
}

const carriageReturn = 0x0d

/**
 * Converts CRLF and CR to line feeds, unless `wanted` is 'keep'.
 *
 * @param describe called at the end with a description of the changes, if there are any
 */
export async function* convertLineEndings(
  chunks: Chunks,
  wanted: LineEndings,
  describe?: (changes: Phrase) => void,
): AsyncGenerator<Uint8Array, void> {
  if (wanted === 'keep') return yield* chunks
  let [pairs, alone] = [0, 0]
  let pending = false
  const convert = (bytes: string) => {
    const counts = countReturns(bytes)
    pairs += counts[0]
    alone += counts[1]
    return Buffer.from(bytes.replace(/\r\n?/g, '\n'), 'latin1')
  }
  for await (const chunk of chunks) {
    if (!pending && !chunk.includes(carriageReturn)) {
      yield chunk
      continue
    }
    // The bytes of both signs occur in UTF-8 only as themselves. What follows a CR at the end of a chunk
    // is not known yet.
    const ends = chunk[chunk.length - 1] === carriageReturn
    const bytes = Buffer.from(ends ? chunk.subarray(0, -1) : chunk).toString('latin1')
    const converted = convert(pending ? `\r${bytes}` : bytes)
    pending = ends
    if (converted.length > 0) yield converted
  }
  if (pending) yield convert('\r')
  const changes = describeReturns(pairs, alone)
  if (changes) describe?.(changes)
}
