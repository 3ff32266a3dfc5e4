// The bytes of every token of a vocabulary.

/** In one array, because a vocabulary may have a hundred thousand tokens. */
export class Vocabulary {
  private constructor(
    private readonly bytes: Uint8Array,
    /** Where each token's bytes begin; at the end, their number. */
    private readonly starts: Uint32Array,
  ) {}

  static of(tokens: readonly Uint8Array[]): Vocabulary {
    const starts = new Uint32Array(tokens.length + 1)
    tokens.forEach((token, i) => {
      starts[i + 1] = starts[i] + token.length
    })
    return new Vocabulary(Buffer.concat(tokens), starts)
  }

  /**
   * The vocabulary of bytes and merges, and `others` after them.
   *
   * @param byteOf the byte of each of the first 256 tokens
   * @param merges the two tokens of each further token
   */
  static ofMerges(
    byteOf: ArrayLike<number>,
    merges: ArrayLike<number>,
    others: readonly Uint8Array[] = [],
  ): Vocabulary {
    const size = 256 + merges.length / 2
    const starts = new Uint32Array(size + 1)
    const length = (token: number) => starts[token + 1] - starts[token]
    for (let token = 0; token < size; token++) {
      const at = 2 * (token - 256)
      starts[token + 1] = starts[token] + (at < 0 ? 1 : length(merges[at]) + length(merges[at + 1]))
    }
    const bytes = new Uint8Array(starts[size])
    for (let token = 0; token < size; token++) {
      const [at, start] = [2 * (token - 256), starts[token]]
      if (at < 0) bytes[start] = byteOf[token]
      else {
        const [left, right] = [merges[at], merges[at + 1]]
        bytes.copyWithin(start, starts[left], starts[left + 1])
        bytes.copyWithin(start + length(left), starts[right], starts[right + 1])
      }
    }
    if (others.length === 0) return new Vocabulary(bytes, starts)
    const ends = others.map((_, i) => sum(others.slice(0, i + 1)) + bytes.length)
    return new Vocabulary(Buffer.concat([bytes, ...others]), Uint32Array.from([...starts, ...ends]))
  }

  get size(): number {
    return this.starts.length - 1
  }

  /** undefined if there is no such token. */
  bytesOf(token: number): Uint8Array | undefined {
    if (!Number.isInteger(token) || token < 0 || token >= this.size) return undefined
    return this.bytes.subarray(this.starts[token], this.starts[token + 1])
  }
}

const sum = (parts: readonly Uint8Array[]) => parts.reduce((length, part) => length + part.length, 0)
