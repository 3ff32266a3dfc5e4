// Draws a series of losses as a line of bars (a sparkline).

/** From low to high. */
export const bars = '▁▂▃▄▅▆▇█'
/** An approximation for consoles without these characters. */
export const asciiBars = '_.-~=+*#'

/**
 * Stores a series of any length in bounded memory: when it is full, each stored mean covers twice
 * as many values.
 */
export class Series {
  private readonly means: number[] = []
  private valuesPerMean = 1
  private sum = 0
  /** The number of finite values in `sum`, and of all values since the last mean. */
  private finite = 0
  private pending = 0

  constructor(private readonly most = 1024) {}

  push(value: number): void {
    if (Number.isFinite(value)) {
      this.sum += value
      this.finite++
    }
    if (++this.pending < this.valuesPerMean) return
    this.means.push(this.sum / this.finite)
    this.sum = this.finite = this.pending = 0
    if (this.means.length >= this.most) this.halve()
  }

  /** At most `most` means; NaN where there were no finite values. */
  get values(): readonly number[] {
    return this.means
  }

  private halve(): void {
    this.means.splice(0, Infinity, ...resample(this.means, Math.floor(this.means.length / 2)))
    this.valuesPerMean *= 2
  }
}

/**
 * Reduces a series to at most `width` means of neighbouring values; NaN where none is finite. A
 * shorter series is unchanged.
 */
export function resample(values: readonly number[], width: number): number[] {
  if (values.length <= width) return [...values]
  const edge = (cell: number) => Math.floor((cell * values.length) / width)
  return Array.from({ length: Math.max(0, width) }, (_, cell) =>
    mean(values.slice(edge(cell), edge(cell + 1))),
  )
}

function mean(values: readonly number[]): number {
  const finite = values.filter(Number.isFinite)
  return finite.reduce((sum, value) => sum + value, 0) / finite.length
}

/**
 * At most `width` bars, scaled from the lowest to the highest value. Non-finite values are gaps;
 * equal values get the middle bar.
 */
export function curve(values: readonly number[], width: number, levels = bars): string {
  const shown = resample(values, width)
  const finite = shown.filter(Number.isFinite)
  const lowest = Math.min(...finite)
  const range = Math.max(...finite) - lowest
  const top = levels.length - 1
  const bar = (value: number) => {
    if (!Number.isFinite(value)) return ' '
    return levels[range > 0 ? Math.round(((value - lowest) / range) * top) : top >> 1]
  }
  return shown.map(bar).join('')
}
