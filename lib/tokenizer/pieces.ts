// Pre-tokenization: divides a text into pieces, which tokens never cross.
//
// GPT-2's division (Radford et al. 2019, `encoder.py`): English contractions; letters, digits and other
// signs, each run with one space before it; and white space, without the space that belongs to the next
// piece. As a regular expression, which a test compares, with s for \p{White_Space}:
//
//     '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^s\p{L}\p{N}]+|s+(?!\S)|s+
//
// The loop below takes a fifth of its time.

const sign = 1
const letter = 2
const digit = 3
const white = 4
const patterns = [
  [letter, /^\p{L}$/u],
  [digit, /^\p{N}$/u],
  [white, /^\p{White_Space}$/u],
] as const

/** The kind of each code point; 0: not known yet. */
const kinds = new Uint8Array(0x110000)

function findKind(codePoint: number): number {
  const character = String.fromCodePoint(codePoint)
  const kind = patterns.find(([, pattern]) => pattern.test(character))?.[0] ?? sign
  kinds[codePoint] = kind
  return kind
}

/** The kind of the character at `at`; 0 at the end of the text. */
function kindAt(text: string, at: number): number {
  if (at >= text.length) return 0
  let code = text.charCodeAt(at)
  if ((code & 0xfc00) === 0xd800) code = text.codePointAt(at)!
  return kinds[code] || findKind(code)
}

/** The end of the run of characters of this kind from `at` on. */
function endOfRun(text: string, at: number, kind: number): number {
  while (kindAt(text, at) === kind) at += (text.charCodeAt(at) & 0xfc00) === 0xd800 ? 2 : 1
  return at
}

/** The length of the contraction at an apostrophe; 0 if there is none. */
function contraction(text: string, at: number): number {
  const next = text[at + 1]
  if (next === 's' || next === 't' || next === 'm' || next === 'd') return 2
  const two = text.slice(at + 1, at + 3)
  return two === 'll' || two === 've' || two === 're' ? 3 : 0
}

const space = 0x20
const apostrophe = 0x27

function endOfPiece(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code === apostrophe) {
    const length = contraction(text, at)
    if (length > 0) return at + length
  }
  const kind = kindAt(text, at)
  if (kind !== white) return endOfRun(text, at, kind)
  const end = endOfRun(text, at, white)
  if (end === text.length) return end
  if (end > at + 1) return end - 1
  return code === space ? endOfRun(text, end, kindAt(text, end)) : end
}

/** Calls `visit` with each piece of a well-formed text, in order. Their concatenation is the text. */
export function forEachPiece(text: string, visit: (piece: string) => void): void {
  for (let at = 0; at < text.length; ) {
    const end = endOfPiece(text, at)
    visit(text.slice(at, end))
    at = end
  }
}
