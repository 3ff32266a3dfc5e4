// The feed-forward part of a block: each position on its own.

import type { Tensor } from '../graph/tensor'
import { relu } from '../ops'
import { Dropout } from './dropout'
import { Linear } from './linear'
import { Module } from './module'

export class FeedForward extends Module {
  readonly expand: Linear
  readonly contract: Linear
  readonly dropout: Dropout

  constructor(channels: number, dropout = 0) {
    super()
    this.expand = new Linear(channels, 4 * channels)
    this.contract = new Linear(4 * channels, channels)
    this.dropout = new Dropout(dropout)
  }

  /** x [B, T, C] → relu(x·W₁ᵀ + b₁) [B, T, 4C] → [B, T, C] */
  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.contract.forward(relu(this.expand.forward(x))))
  }
}
