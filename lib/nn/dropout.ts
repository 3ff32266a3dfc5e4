// Dropout: active only in Programs that are traced for training.

import type { Tensor } from '../graph/tensor'
import { dropout } from '../ops'
import { site } from '../random/philox'
import { Module } from './module'

export class Dropout extends Module {
  /** @param p probability of dropping an element, in [0, 1) */
  constructor(private readonly p: number) {
    super()
  }

  /** x → the same shape. The module's path names the random numbers. */
  forward(x: Tensor): Tensor {
    if (this.p === 0 || !x.trace?.training) return x
    return dropout(x, x.trace.rng(), this.p, site(this.path))
  }
}
