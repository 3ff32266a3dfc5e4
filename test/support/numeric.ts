// Deterministic numbers for tests, and the comparison of two arrays of numbers.

// Jest looks up globals slowly, and these are used millions of times.
const { abs, imul, max } = Math
const { isFinite: finite, isNaN: missing } = Number

/** Unit roundoff of f32: the largest relative change when a number is rounded to f32. */
export const epsilon = 2 ** -24

/** The smallest f32 above 0: rounding errors of tiny numbers are no longer relative. */
export const tiny = 2 ** -149

/**
 * Numbers that depend only on a name. The generator (mulberry32) is not Philox, so that Philox does
 * not test itself.
 */
export class Numbers {
  private state = 0x811c9dc5

  constructor(name: string) {
    for (const byte of Buffer.from(name, 'utf8')) this.state = imul(this.state ^ byte, 0x01000193)
  }

  /** 32 random bits. */
  word(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let bits = imul(this.state ^ (this.state >>> 15), this.state | 1)
    bits ^= bits + imul(bits ^ (bits >>> 7), bits | 61)
    return (bits ^ (bits >>> 14)) >>> 0
  }

  /** Uniform in [low, high), 32 bits wide. */
  between(low: number, high: number): number {
    return low + (this.word() / 2 ** 32) * (high - low)
  }

  /** f32 values, uniform in [low, high). */
  floats(length: number, low = -1, high = 1): Float32Array {
    return this.fill(new Float32Array(length), low, high)
  }

  /** Values of full f64 precision, uniform in [low, high). */
  doubles(length: number, low = -1, high = 1): Float64Array {
    return this.fill(new Float64Array(length), low, high)
  }

  /** Integers in [0, bound). */
  integers(length: number, bound: number): Int32Array {
    return Int32Array.from({ length }, () => this.word() % bound)
  }

  private fill<T extends Float32Array | Float64Array>(values: T, low: number, high: number): T {
    for (let i = 0; i < values.length; i++) values[i] = this.between(low, high)
    return values
  }

  pick<T>(items: readonly T[]): T {
    return items[this.word() % items.length]
  }
}

export interface Comparison {
  /** The largest |got − expected| / bound: at most 1 if everything is within its bounds. */
  readonly ratio: number
  /** Normalized mean squared error of the whole array. */
  readonly nmse: number
  /** The largest row NMSE. */
  readonly rowNmse: number
  /** A description of the element with the largest `ratio`. */
  readonly worst: string
}

/**
 * Only the elements of rows shorter than this are compared, because all of a few sums may nearly
 * cancel by chance. The same applies to rows that are 0 within their bounds.
 */
const shortestRow = 8

/**
 * Compares as nano-run does (docs/case-files.md), and each row too.
 *
 * @param row elements in a row
 */
export function compare(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  bounds: ArrayLike<number>,
  row = got.length,
): Comparison {
  if (got.length !== expected.length)
    throw new Error(`${got.length} elements, ${expected.length} are expected`)
  let [ratio, at] = [0, 0]
  for (let i = 0; i < got.length; i++) {
    const here = ratioOf(got[i], expected[i], bounds[i])
    if (!(here <= ratio)) [ratio, at] = [here, i]
  }
  let rowNmse = 0
  for (let start = 0; row >= shortestRow && start < got.length; start += row) {
    rowNmse = max(rowNmse, nmseOf(got, expected, bounds, start, start + row))
  }
  const worst = `element ${at} of ${got.length} is ${got[at]}, expected ${expected[at]} within ${bounds[at]}`
  const nmse = got.length >= shortestRow ? nmseOf(got, expected, bounds, 0, got.length) : 0
  return { ratio, nmse, rowNmse, worst }
}

function ratioOf(got: number, expected: number, bound: number): number {
  if (got === expected || (missing(got) && missing(expected))) return 0
  const error = abs(got - expected)
  return finite(error) && bound > 0 ? error / bound : Infinity
}

function nmseOf(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  bounds: ArrayLike<number>,
  start: number,
  end: number,
): number {
  let [error, size, uncertain] = [0, 0, 0]
  for (let i = start; i < end; i++) {
    if (!finite(got[i]) || !finite(expected[i])) continue
    error += (got[i] - expected[i]) ** 2
    size += expected[i] ** 2
    uncertain += bounds[i] ** 2
  }
  return error === 0 || size < uncertain ? 0 : error / size
}

/**
 * The derivative of f along each element of x, by central differences of fourth order in float64.
 * Restores x afterwards.
 */
export function numericGradient(f: () => number, x: Float64Array, step = 1e-4): Float64Array {
  return x.map((value, i) => {
    const at = (offset: number) => {
      x[i] = value + offset
      return f()
    }
    const derivative = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
    x[i] = value
    return derivative
  })
}

/** The largest |a − b| relative to the larger of 1 and the largest |b|. */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, size] = [0, 1]
  for (let i = 0; i < b.length; i++) {
    difference = max(difference, abs(a[i] - b[i]))
    size = max(size, abs(b[i]))
  }
  return a.length === b.length && !missing(difference) ? difference / size : Infinity
}
