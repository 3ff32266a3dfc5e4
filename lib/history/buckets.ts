// What is kept of a run of any length. The rule depends on the step alone, so that a run that was
// stopped and resumed has the same history as one that never was.

/** Of steps: the first ones have a record each. A power of two. */
export const firstSteps = 512
/** Of samples, which are longer. */
export const firstSamples = 64

/** The largest step of a run. */
export const largestStep = 2 ** 31 - 1

/** A range of steps: `from` … `to` − 1. */
export interface Bucket {
  readonly from: number
  readonly to: number
}

/**
 * The bucket of a step. The first `first` steps have one each. From there on, the number of steps in a
 * bucket doubles whenever the step has doubled, so that there are `first / 2` buckets per doubling.
 */
export function bucketOf(step: number, first: number): Bucket {
  // Both logarithms are of 32-bit numbers, whose leading zeros are counted.
  const width = step < first ? 1 : 2 ** (Math.clz32(first) - Math.clz32(step) + 1)
  const from = step - (step % width)
  return { from, to: from + width }
}

/**
 * A series of which the first record of each bucket is kept, and the newest. Records of any order may
 * be added, so that a damaged file cannot do harm.
 */
export class Thinned<T extends { readonly step: number }> {
  private readonly first = new Map<number, T>()
  private newest: T | undefined
  private best: T | undefined

  /**
   * @param steps how many of the first steps have a bucket each: a power of two from 2 on
   * @param isBest whether a record is always kept until there is another such one
   */
  constructor(
    private readonly steps = firstSteps,
    private readonly isBest: (record: T) => boolean = () => false,
  ) {}

  add(record: T): void {
    const { from } = bucketOf(record.step, this.steps)
    if (!this.first.has(from)) this.first.set(from, record)
    if (!this.newest || record.step > this.newest.step) this.newest = record
    if (this.isBest(record)) this.best = record
  }

  /** In the order of their steps. */
  get records(): T[] {
    const all = new Set(this.first.values())
    for (const record of [this.newest, this.best]) if (record) all.add(record)
    return [...all].sort((a, b) => a.step - b.step)
  }
}
