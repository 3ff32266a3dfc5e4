// A binary heap of counted keys.

/** The largest count is on top, of several the smallest key. */
export class Heap {
  private counts = new Float64Array(1 << 8)
  private keys = new Float64Array(1 << 8)
  private length = 0

  get size(): number {
    return this.length
  }

  /** The count on top. */
  get count(): number {
    return this.counts[0]
  }

  /** The key on top. */
  get key(): number {
    return this.keys[0]
  }

  push(count: number, key: number): void {
    if (this.length === this.counts.length) this.grow()
    const { counts, keys } = this
    let at = this.length++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (counts[parent] > count || (counts[parent] === count && keys[parent] <= key)) break
      counts[at] = counts[parent]
      keys[at] = keys[parent]
      at = parent
    }
    counts[at] = count
    keys[at] = key
  }

  /** Removes the top. */
  pop(): void {
    const { counts, keys } = this
    const length = --this.length
    const count = counts[length]
    const key = keys[length]
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      const other = child + 1
      if (
        other < length &&
        (counts[other] > counts[child] || (counts[other] === counts[child] && keys[other] < keys[child]))
      )
        child = other
      if (count > counts[child] || (count === counts[child] && key <= keys[child])) break
      counts[at] = counts[child]
      keys[at] = keys[child]
      at = child
    }
    counts[at] = count
    keys[at] = key
  }

  private grow(): void {
    const { counts, keys } = this
    this.counts = new Float64Array(2 * counts.length)
    this.keys = new Float64Array(2 * keys.length)
    this.counts.set(counts)
    this.keys.set(keys)
  }
}
