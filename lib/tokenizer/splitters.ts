// The pre-tokenizers of tokenizer.json files: divide a text into pieces, which tokens never cross.
//
// A regular expression from a stranger's file could take exponential time, so only known ones are accepted.
// They take linear time.

/** Calls `visit` with the bounds of each piece of the part of a text. Together they are the part. */
export type Splitter = (
  text: string,
  start: number,
  end: number,
  visit: (start: number, end: number) => void,
) => void

const suffixes = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
const before = String.raw`[^\r\n\p{L}\p{N}]?`
const blanks = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`

/** GPT-2's, which ByteLevel applies with `use_regex`. pieces.ts does the same on UTF-8. */
export const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

/** That of GPT-4 (cl100k_base) and Llama 3. */
export const llama3Pattern = String.raw`${suffixes}|${before}\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|${blanks}`

/** As they are in files. */
const known: readonly string[] = [
  gpt2Pattern,
  // The same, as tiktoken writes it.
  String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  llama3Pattern,
  // Qwen 2 and 3.
  String.raw`${suffixes}|${before}\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|${blanks}`,
  // Qwen 3.5.
  String.raw`${suffixes}|${before}[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|${blanks}`,
  // GPT-4o (o200k_base) and Llama 4.
  String.raw`${before}${upper}*${lower}+${suffixes}?|${before}${upper}+${lower}*${suffixes}?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${blanks}`,
  // Mistral's Tekken.
  String.raw`${before}${upper}*${lower}+|${before}${upper}+${lower}*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|${blanks}`,
  // DeepSeek V3: three in a row.
  String.raw`\p{N}{1,3}`,
  '[一-龥぀-ゟ゠-ヿ]+',
  `[!"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_\`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|${blanks}`,
  // Digits.
  String.raw`\p{N}`,
  String.raw`\p{Nd}`,
  String.raw`\d`,
  '[0-9]',
]

const compiled = new Map<string, RegExp>()

/** The expression of a known pattern; undefined for any other. */
export function knownPattern(pattern: string): RegExp | undefined {
  if (!known.includes(pattern)) return undefined
  let found = compiled.get(pattern)
  if (found === undefined) {
    found = new RegExp(inJavaScript(pattern), 'gu')
    compiled.set(pattern, found)
  }
  return found
}

/** Some characters have other names in Rust's expressions. The long s is an s that is not ASCII. */
function inJavaScript(pattern: string): string {
  return pattern
    .replaceAll(suffixes, "(?:'(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))")
    .replaceAll(String.raw`\S`, String.raw`\P{White_Space}`)
    .replaceAll(String.raw`\s`, String.raw`\p{White_Space}`)
    .replaceAll(String.raw`\d`, String.raw`\p{Nd}`)
    .replaceAll(String.raw`,\-./`, String.raw`,\-.\/`)
}

/** Matches and what is between them are pieces. */
export function isolated(expression: RegExp): Splitter {
  return (text, start, end, visit) => {
    const part = start === 0 && end === text.length ? text : text.slice(start, end)
    let at = 0
    for (const match of part.matchAll(expression)) {
      if (match.index > at) visit(start + at, start + match.index)
      at = match.index + match[0].length
      if (match[0].length > 0) visit(start + match.index, start + at)
    }
    if (at < part.length) visit(start + at, end)
  }
}

/** A piece ends after (or begins with) each occurrence of a string. */
export function atString(separator: string, where: 'after' | 'before' | 'both'): Splitter {
  return (text, start, end, visit) => {
    let from = start
    const cut = (at: number) => {
      if (at > from) visit(from, at)
      from = at
    }
    for (let at = text.indexOf(separator, start); at >= 0 && at + separator.length <= end; ) {
      if (where !== 'after') cut(at)
      if (where !== 'before') cut(at + separator.length)
      at = text.indexOf(separator, at + separator.length)
    }
    if (end > from) visit(from, end)
  }
}

/** Each splitter divides the pieces of the one before it. */
export function inSequence(splitters: readonly Splitter[]): Splitter {
  return splitters.reduceRight<Splitter>(
    (later, splitter) => (text, start, end, visit) =>
      splitter(text, start, end, (from, to) => later(text, from, to, visit)),
    (_text, start, end, visit) => visit(start, end),
  )
}
