// Pre-tokenization: divides a text into pieces, which tokens never cross.

/**
 * GPT-2's division (Radford et al. 2019, `encoder.py`): English contractions, words, numbers and other
 * signs, each with a space before it, and runs of white space, without the space that belongs to the
 * next piece.
 */
const gpt2 = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

/** Calls `visit` with each piece of `text`, in order. Their concatenation is the text. */
export function forEachPiece(text: string, visit: (piece: string) => void): void {
  gpt2.lastIndex = 0
  for (let at = 0; at < text.length; at = gpt2.lastIndex) {
    gpt2.lastIndex = at
    gpt2.test(text)
    visit(text.slice(at, gpt2.lastIndex))
  }
}
