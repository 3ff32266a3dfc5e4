// Random numbers that depend only on a text, so that a failure can be repeated.

const { createHash } = require('node:crypto')

class Random {
  constructor(seed) {
    this.seed = seed
    this.draws = 0
  }

  /** A number in [0, 1). */
  unit() {
    const digest = createHash('sha256')
      .update(`${this.seed} ${this.draws++}`)
      .digest()
    return digest.readUIntBE(0, 6) / 2 ** 48
  }

  /** A whole number from `first` to `last`. */
  whole(first, last) {
    return first + Math.floor(this.unit() * (last - first + 1))
  }

  chance(probability) {
    return this.unit() < probability
  }

  pick(values) {
    return values[this.whole(0, values.length - 1)]
  }

  /** A key of { key: weight }. */
  weighted(weights) {
    let left = this.unit() * Object.values(weights).reduce((a, b) => a + b)
    const entries = Object.entries(weights)
    for (const [key, weight] of entries) {
      left -= weight
      if (left < 0) return key
    }
    return entries[0][0]
  }
}

module.exports = { Random }
