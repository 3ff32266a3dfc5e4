// An embedding table with one row per token (or position).

import { type Initial, Parameter, type Tensor } from '../graph/tensor'
import { embedding } from '../ops'
import { Module } from './module'

export class Embedding extends Module {
  readonly weight: Parameter

  /** @param initial initialization of the rows. Default: N(0, 1), as in PyTorch */
  constructor(rows: number, channels: number, initial: Initial = { kind: 'normal' }) {
    super()
    this.weight = new Parameter([rows, channels], initial)
  }

  /** tokens […] → […, channels] */
  forward(tokens: Tensor): Tensor {
    return embedding(tokens, this.weight)
  }
}
