// GPT-2's tokenizer: byte-pair encoding with the 50,000 merges that OpenAI published.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { BytewiseTokenizer } from './bytewise'
import { bytewiseOf, PieceEncoder } from './encoder'
import type { TokenizerJSON } from './tokenizer'
import { Vocabulary } from './vocabulary'

/** The two tokens of each merge, 16 bits each, compressed. Made by scripts/tokenizers/gpt2.js. */
const file = join(__dirname, '..', '..', 'lib', 'tokenizer', 'gpt2.bin')

/** GPT-2 numbers the bytes that are printable in latin1 first, and then the others. */
const isPrintable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
const bytes = Array.from({ length: 256 }, (_, byte) => byte)
/** The byte of each of the tokens 0 … 255. */
export const gpt2Bytes: readonly number[] = [
  ...bytes.filter(isPrintable),
  ...bytes.filter((byte) => !isPrintable(byte)),
]

/** The token of each byte. */
const tokenOf = new Uint16Array(256)
gpt2Bytes.forEach((byte, token) => {
  tokenOf[byte] = token
})

const endOfText = '<|endoftext|>'

function readMerges(): Uint16Array {
  const raw = brotliDecompressSync(readFileSync(file))
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  return Uint16Array.from({ length: raw.length / 2 }, (_, i) => view.getUint16(2 * i, true))
}

/** Read at the first use, and shared by all tokenizers of the process. */
let merges: Uint16Array | undefined
let vocabulary: Vocabulary | undefined
let encoder: PieceEncoder | undefined

/**
 * The 50,257 tokens of GPT-2 (in tiktoken: `gpt2` and `r50k_base`). The last one, 50256, is
 * `<|endoftext|>`: no text is encoded to it, but it is decoded to that text.
 *
 * @example
 * const tokenizer = new Gpt2Tokenizer()
 * tokenizer.encode('Hello world') // Uint16Array [15496, 995]
 */
export class Gpt2Tokenizer extends BytewiseTokenizer {
  readonly type = 'gpt2'

  constructor() {
    merges ??= readMerges()
    const pairs = merges
    vocabulary ??= Vocabulary.ofMerges(gpt2Bytes, pairs, [Buffer.from(endOfText)])
    super(vocabulary, () => {
      encoder ??= new PieceEncoder(bytewiseOf(pairs, tokenOf))
      return encoder
    })
  }

  /**
   * The two tokens of each merge, one after the other.
   *
   * @internal
   */
  get merges(): ArrayLike<number> {
    merges ??= readMerges()
    return merges
  }

  toJSON(): TokenizerJSON {
    return { type: this.type }
  }
}
