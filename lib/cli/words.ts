// Formats numbers and wraps text.

/** 1234567 → `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** 809123 → `0.81 million`, 4225 → `4,225`. */
export function roughly(value: number): string {
  if (value < 100_000) return count(value)
  return `${(value / 1e6).toFixed(value < 1e7 ? 2 : 1)} million`
}

/** `1 step`, `2 steps`. `words` is an irregular plural. */
export function plural(value: number, word: string, words = `${word}s`): string {
  return `${count(value)} ${value === 1 ? word : words}`
}

/** Seconds as minutes:seconds or hours:minutes:seconds: `0:07`, `12:34`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const two = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

/** Bytes with a decimal unit: `640 KB`, `45.2 MB`. */
export function bytes(value: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB']
  let size = value
  let unit = 0
  for (; size >= 999.5 && unit < units.length - 1; unit++) size /= 1000
  return `${unit === 0 || size >= 99.5 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`
}

/**
 * A speed from longest to shortest: `11,097 tokens/s (36.1 KB/s)`, `11,097 tokens/s`, `11,097/s`. Where
 * a token is a byte, bytes are left out.
 */
export function speeds(tokensPerSecond: number, bytesPerSecond: number): string[] {
  const perSecond = roughly(tokensPerSecond)
  const tokens = `${perSecond} tokens/s`
  const isSame = Math.abs(bytesPerSecond / tokensPerSecond - 1) < 0.01
  return [...(isSame ? [] : [`${tokens} (${bytes(bytesPerSecond)}/s)`]), tokens, `${perSecond}/s`]
}

/** The columns that a text takes on a terminal, about: two for each emoji and East Asian character. */
export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text)
    columns += /\p{M}/u.test(character) ? 0 : character >= '\u1100' && wide.test(character) ? 2 : 1
  return columns
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u

/** A text in at most so many columns of a terminal. If it is longer, an ellipsis ends it. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text
  const characters = [...text]
  while (characters.length > 0 && columnsOf(characters.join('')) >= columns) characters.pop()
  return `${characters.join('')}…`
}

/** A short time: `85 µs`, `12.3 ms`, `1.5 s`. */
export function duration(seconds: number): string {
  const short = (value: number) => (value >= 99.5 ? String(Math.round(value)) : value.toPrecision(3))
  if (seconds < 1e-3) return `${short(seconds * 1e6)} µs`
  return seconds < 1 ? `${short(seconds * 1e3)} ms` : `${short(seconds)} s`
}

/** The first sentence of a message, or its part before a semicolon. */
export function sentence(message: string): string {
  return message.split(/[.;](?: |$)/)[0]
}

/** Keeps a phrase on one line in `wrap`. */
export function together(text: string): string {
  return text.replaceAll(' ', unbroken)
}

/** A space at which `wrap` does not break a line. It is printed as an ordinary space. */
const unbroken = '\u00a0'

/**
 * Breaks text between words into lines of at most `width` characters. A longer word, or phrase kept
 * `together`, is not broken.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && line.length <= width) lines[lines.length - 1] = line
    else lines.push(word)
  }
  return lines.map((line) => line.replaceAll(unbroken, ' '))
}
