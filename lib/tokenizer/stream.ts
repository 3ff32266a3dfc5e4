// Encodes a text that comes in chunks. The tokens are those of the whole text.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { byteEncoderOf, type Tokenizer, type Tokens } from './tokenizer'

/**
 * A text without a place to cut it, such as one of a single letter, is cut at this many bytes; its
 * tokens there may differ.
 */
const mostPending = 16 << 20

/**
 * The tokens of UTF-8 text in chunks that are valid by themselves.
 *
 * @throws NanoGptError 'unknown_character'
 */
export async function* encodeChunks(
  tokenizer: Tokenizer,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Tokens, void> {
  const encoder = byteEncoderOf(tokenizer)
  let pending: Uint8Array = new Uint8Array(0)
  for await (const chunk of chunks) {
    if (!encoder) {
      yield tokenizer.encode(Buffer.from(chunk).toString('utf8'))
    } else {
      const bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      const cut = encoder.safeCut(bytes) || (bytes.length > mostPending ? bytes.length : 0)
      // A copy, so that the whole chunk is not kept for its end.
      pending = Uint8Array.from(bytes.subarray(cut))
      if (cut > 0) yield encoder.encodeBytes(bytes.subarray(0, cut))
    }
    await nextTurn()
  }
  if (encoder && pending.length > 0) yield encoder.encodeBytes(pending)
}
