// Statistics of a few measurements: mean, standard deviation, and Welch's t-test. Computes in double
// precision, without tables.

/** A sample of at least one measurement. */
export interface Summary {
  readonly count: number
  readonly mean: number
  /** The standard deviation of the sample, with n − 1; null for a single measurement. */
  readonly deviation: number | null
}

/** @param values at least one */
export function summarize(values: readonly number[]): Summary {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  if (count < 2) return { count, mean, deviation: null }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { count, mean, deviation: Math.sqrt(squares / (count - 1)) }
}

/**
 * Welch's t-test: the probability of means that differ at least this much, in either direction, if
 * both samples come from normal distributions with the same mean. Their variances may differ.
 *
 * @returns null if a sample has a single measurement, so that its noise is unknown
 */
export function welch(a: Summary, b: Summary): number | null {
  if (a.deviation === null || b.deviation === null) return null
  const [x, y] = [a.deviation ** 2 / a.count, b.deviation ** 2 / b.count]
  const difference = Math.abs(a.mean - b.mean)
  if (difference === 0) return 1
  if (x + y === 0) return 0
  // The Welch–Satterthwaite equation, in shares of the variance, which cannot underflow.
  const share = x / (x + y)
  const freedom = 1 / (share ** 2 / (a.count - 1) + (1 - share) ** 2 / (b.count - 1))
  return twoSided(difference / Math.sqrt(x + y), freedom)
}

/** P(|T| ≥ t) for Student's t-distribution. */
export function twoSided(t: number, freedom: number): number {
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
}

/**
 * The regularized incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22), which
 * converges fast for x below (a + 1) / (a + b + 2). Beyond, I_x(a, b) = 1 − I_(1−x)(b, a).
 */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a
  return front * continuedFraction(x, a, b)
}

const mostTerms = 1000

/** 1 / (1 + d₁ / (1 + d₂ / (1 + …))), by Lentz's method. */
function continuedFraction(x: number, a: number, b: number): number {
  let [above, below, product] = [1, 0, 1]
  for (let n = 1; n <= mostTerms; n++) {
    const m = Math.floor(n / 2)
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    const term = n % 2 === 0 ? even : odd
    below = 1 / notZero(1 + term * below)
    above = notZero(1 + term / above)
    const factor = above * below
    product *= factor
    if (Math.abs(factor - 1) < 1e-15) break
  }
  return 1 / product
}

function notZero(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

/** ln Γ(x) for x > 0, by Stirling's series (DLMF 5.11.1) from 15 on and Γ(x) = Γ(x + 1) / x below. */
function logGamma(x: number): number {
  let shift = 0
  for (; x < 15; x++) shift += Math.log(x)
  const square = 1 / (x * x)
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))) / x
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series - shift
}
