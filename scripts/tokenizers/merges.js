// The merges of a vocabulary of which only the ranks are known, as tiktoken lists them.

/**
 * Applies the merges of earlier tokens to each token's bytes: they end with the two that it consists of.
 *
 * @param tokens in the order of their ranks, the 256 bytes first; a byte is one character
 * @returns for each further token, the two
 */
exports.mergesOf = (tokens) => {
  const rankOf = new Map(tokens.map((token, rank) => [token, rank]))
  return tokens.slice(256).map((token, i) => {
    const parts = [...token]
    while (parts.length > 2) {
      let [lowest, at] = [256 + i, -1]
      for (let k = 0; k + 1 < parts.length; k++) {
        const rank = rankOf.get(parts[k] + parts[k + 1])
        if (rank < lowest) [lowest, at] = [rank, k]
      }
      if (at < 0) throw new Error(`token ${256 + i} consists of no two earlier ones`)
      parts.splice(at, 2, parts[at] + parts[at + 1])
    }
    return parts
  })
}
