// Collects the distinct characters of a text that comes in chunks.

export class Characters {
  private readonly seen = new Uint8Array(0x110000)

  /** @param utf8 valid, and whole characters */
  add(utf8: Uint8Array): void {
    const { seen } = this
    for (let i = 0; i < utf8.length; ) {
      const first = utf8[i++]
      if (first < 0x80) {
        seen[first] = 1
        continue
      }
      const following = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3
      let codePoint = first & (0x3f >> following)
      for (const end = i + following; i < end; i++) codePoint = (codePoint << 6) | (utf8[i] & 0x3f)
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
