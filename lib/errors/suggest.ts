// "Did you mean …?"

/** Longer words are skipped: the edit distance costs the product of the lengths. */
const longestWord = 64

/**
 * Finds the candidate that `word` probably means, for "did you mean …?".
 *
 * @returns the closest candidate by edit distance, ignoring case; undefined if none is close
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length === 0 || word.length > longestWord) return undefined
  let best: string | undefined
  let bestDistance = Infinity
  for (const candidate of candidates) {
    const distance = distanceBetween(word.toLowerCase(), candidate.toLowerCase())
    // A distance equal to the length means that no letter matches.
    if (distance < Math.min(bestDistance, Math.max(word.length, candidate.length))) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** The edit distance between two words, or Infinity if it is too large for a typing error. */
function distanceBetween(word: string, candidate: string): number {
  const distance = editDistance(word, candidate)
  if (distance <= Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3))) return distance
  const contained = word.length >= 3 && candidate.includes(word)
  return contained ? distance : Infinity
}

/**
 * The Damerau–Levenshtein distance: insertions, deletions, replacements and swaps of neighbours.
 */
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
