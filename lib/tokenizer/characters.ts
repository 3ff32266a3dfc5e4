// Collects the distinct characters of a text that comes in chunks.

const ascii = 128

export class Characters {
  private readonly seen = new Uint8Array(0x110000)

  /** @param utf8 whole characters */
  add(utf8: Uint8Array): void {
    const { seen } = this
    let isAscii = true
    for (let i = 0; i < utf8.length; i++) {
      const byte = utf8[i]
      if (byte < ascii) seen[byte] = 1
      else isAscii = false
    }
    if (isAscii) return
    const text = Buffer.from(utf8.buffer, utf8.byteOffset, utf8.byteLength).toString('utf8')
    for (let i = 0; i < text.length; i++) {
      const codePoint = text.codePointAt(i)!
      if (codePoint > 0xffff) i++
      seen[codePoint] = 1
    }
  }

  /** The characters in code point order. */
  toString(): string {
    let text = ''
    for (let codePoint = 0; codePoint < this.seen.length; codePoint++)
      if (this.seen[codePoint] === 1) text += String.fromCodePoint(codePoint)
    return text
  }
}
