// The dropout mask of one site and draw, element by element, for the reference ops.

import { keepThreshold, philoxInto } from './philox'

export class DropoutMask {
  /** The factor on kept values: 1 / (1 − p), as f32. */
  readonly scale: number
  private readonly threshold: number
  private readonly words = new Uint32Array(4)
  private block = -1

  /** @param rng seed low, seed high, draw */
  constructor(
    p: number,
    private readonly site: number,
    private readonly rng: ArrayLike<number>,
  ) {
    this.threshold = keepThreshold(p)
    this.scale = Math.fround(1 / (1 - p))
  }

  keeps(element: number): boolean {
    const block = Math.floor(element / 4)
    if (block !== this.block) {
      philoxInto(this.words, block, block / 0x100000000, this.site, this.rng[2], this.rng[0], this.rng[1])
      this.block = block
    }
    return this.words[element - 4 * block] >= this.threshold
  }
}
