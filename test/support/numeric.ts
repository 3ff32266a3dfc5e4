// Deterministic numbers for tests, and how two arrays of numbers are compared.

/** Unit roundoff of f32: what rounding a number to f32 changes it by at most, relatively. */
export const epsilon = 2 ** -24

/** The smallest f32 above 0: rounding errors of tiny numbers are not relative any more. */
export const tiny = 2 ** -149

/** Numbers that depend on a name alone: a multiply-with-carry generator, so that tests of Philox do not judge themselves. */
export class Numbers {
  private state: bigint

  constructor(name: string) {
    let hash = 0xcbf29ce484222325n
    for (const byte of Buffer.from(name, 'utf8'))
      hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
    this.state = (hash | 1n) & 0x7fffffffffffffffn
    for (let i = 0; i < 4; i++) this.word()
  }

  /** 32 random bits. */
  word(): number {
    this.state = (this.state & 0xffffffffn) * 4294957665n + (this.state >> 32n)
    return Number(this.state & 0xffffffffn)
  }

  /** Uniform in [low, high), 32 bits wide. */
  between(low: number, high: number): number {
    return low + (this.word() / 2 ** 32) * (high - low)
  }

  /** f32 values, uniform in [low, high). */
  floats(length: number, low = -1, high = 1): Float32Array {
    return Float32Array.from({ length }, () => this.between(low, high))
  }

  /** Values of full f64 precision, uniform in [low, high). */
  doubles(length: number, low = -1, high = 1): Float64Array {
    return Float64Array.from({ length }, () => this.between(low, high))
  }

  /** Integers in [0, bound). */
  integers(length: number, bound: number): Int32Array {
    return Int32Array.from({ length }, () => this.word() % bound)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.word() % items.length]
  }
}

export interface Comparison {
  /** The worst |got − expected| / bound: at most 1 where all is well. */
  readonly ratio: number
  /** Normalised mean squared error of the whole. */
  readonly nmse: number
  /** The worst of a row's. */
  readonly rowNmse: number
  /** The element of `ratio`, in words. */
  readonly worst: string
}

/** Rows shorter than this are judged by their elements alone: by chance all of a few sums may nearly cancel. */
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
    rowNmse = Math.max(rowNmse, nmseOf(got, expected, start, start + row))
  }
  const worst = `element ${at} of ${got.length} is ${got[at]}, expected ${expected[at]} within ${bounds[at]}`
  const nmse = got.length >= shortestRow ? nmseOf(got, expected, 0, got.length) : 0
  return { ratio, nmse, rowNmse, worst }
}

function ratioOf(got: number, expected: number, bound: number): number {
  if (got === expected || (Number.isNaN(got) && Number.isNaN(expected))) return 0
  const error = Math.abs(got - expected)
  return Number.isFinite(error) && bound > 0 ? error / bound : Infinity
}

function nmseOf(got: ArrayLike<number>, expected: ArrayLike<number>, start: number, end: number): number {
  let [error, size] = [0, 0]
  for (let i = start; i < end; i++) {
    if (!Number.isFinite(got[i]) || !Number.isFinite(expected[i])) continue
    error += (got[i] - expected[i]) ** 2
    size += expected[i] ** 2
  }
  return error === 0 ? 0 : error / size
}

/** The derivative of f along each element of x, by central differences of fourth order in float64. Leaves x as it was. */
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
    difference = Math.max(difference, Math.abs(a[i] - b[i]))
    size = Math.max(size, Math.abs(b[i]))
  }
  return a.length === b.length && !Number.isNaN(difference) ? difference / size : Infinity
}
