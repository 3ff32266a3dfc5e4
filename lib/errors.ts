// The one error class of nano-gpt, and the helpers that make its messages: each names the thing, the value and the remedy.

/**
 * An error that the user can act on. Anything else that is thrown is a bug of ours.
 *
 * `code` is stable and machine-readable (`snake_case`: 'shape', 'unknown_character', …); `message` is for people and may change.
 */
export class NanoGptError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'NanoGptError'
    this.code = code
  }
}

/** Longer words are not typing errors, and the distance costs the product of the lengths. */
const longestWord = 64

/**
 * The candidate that `word` was probably meant to be, for "did you mean …?".
 *
 * @returns the closest one by edit distance, case ignored; undefined when none is close.
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length === 0 || word.length > longestWord) return undefined
  let best: string | undefined
  let bestDistance = Infinity
  for (const candidate of candidates) {
    const distance = distanceBetween(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Edits between two words, or Infinity if they are too many for a typing error. */
function distanceBetween(word: string, candidate: string): number {
  const distance = editDistance(word, candidate)
  if (distance <= Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3))) return distance
  const contained = word.length >= 3 && candidate.includes(word)
  return contained ? distance : Infinity
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      current[j] = Math.min(replaced, previous[j] + 1, current[j - 1] + 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) current[j] = Math.min(current[j], beforePrevious[j - 2] + 1)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[b.length]
}

/** A value as error messages show it: strings quoted, control characters escaped, cut after `limit` characters. */
export function show(value: unknown, limit = 60): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'string') {
    const cut = value.length > limit ? `${value.slice(0, limit)}…` : value
    return JSON.stringify(cut)
  }
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

/** What went wrong, in words, for a message that wraps another error. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // fetch says only "fetch failed"; what happened is in its cause.
  const cause = error.cause instanceof Error ? `: ${reasonOf(error.cause)}` : ''
  const message = error.message || (error as NodeJS.ErrnoException).code || error.name
  return `${message}${cause}`
}
