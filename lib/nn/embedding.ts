// A table with a row for each token (or position).

import { Parameter, type Tensor } from '../graph/tensor'
import { embedding } from '../ops'
import { Module } from './module'

export class Embedding extends Module {
  readonly weight: Parameter

  /** Rows begin as N(0, 1), as in PyTorch. */
  constructor(rows: number, channels: number) {
    super()
    this.weight = new Parameter([rows, channels], { kind: 'normal' })
  }

  /** tokens […] → […, channels] */
  forward(tokens: Tensor): Tensor {
    return embedding(tokens, this.weight)
  }
}
