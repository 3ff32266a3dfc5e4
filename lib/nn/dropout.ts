// Dropout: active in Programs traced for training, nothing elsewhere.

import type { Tensor } from '../graph/tensor'
import { dropout } from '../ops'
import { site } from '../random/philox'
import { Module } from './module'

export class Dropout extends Module {
  /** @param p the probability of dropping an element */
  constructor(private readonly p: number) {
    super()
  }

  /** x → the same shape; the random numbers are named by this module's path. */
  forward(x: Tensor): Tensor {
    if (this.p === 0 || !x.trace?.training) return x
    return dropout(x, x.trace.rng(), this.p, site(this.path))
  }
}
