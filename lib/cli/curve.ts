// A series of losses as a line of little bars.

/** From the lowest to the highest. */
export const bars = '▁▂▃▄▅▆▇█'
/** The same, more or less, where a console has no such characters. */
export const asciiBars = '_.-~=+*#'

/** Keeps the whole of a series, however long, as means of ever more values each. */
export class History {
  private readonly means: number[] = []
  private valuesPerMean = 1
  private sum = 0
  /** Finite values in `sum`, and all values since the last mean. */
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

/** At most `width` means of neighbouring values, in order; NaN where none of them is finite. A shorter series is left as it is. */
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

/** At most `width` bars between the lowest and the highest value; a gap where nothing is finite, middling bars if all are the same. */
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
