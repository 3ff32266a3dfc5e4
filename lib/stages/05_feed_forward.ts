// Stage 05: feed-forward. After attention, each position is processed separately.
//
//     x [B, T, C] → attention → relu(x·Wᵀ + b) [B, T, C] → logits
//
// Attention only mixes: its result is a weighted average of values. The feed-forward layer lets a
// position compute something from what it has gathered. It is a linear layer followed by a
// nonlinearity (relu, max(0, ·)), the same for every position, and no position sees another. It
// adds C · C + C = 1,056 parameters.

import type { Tensor } from '../graph/tensor'
import { Linear, Module } from '../nn'
import { relu } from '../ops'
import { course } from '../presets/course'
import { EmbeddedModel } from './03_single_head'
import { MultiHead } from './04_multi_head'
import type { ModelStage } from './stage'

/** x [B, T, C] → relu(x·Wᵀ + b) [B, T, C] */
export class FeedForward extends Module {
  readonly linear: Linear

  constructor(channels: number) {
    super()
    this.linear = new Linear(channels, channels)
  }

  forward(x: Tensor): Tensor {
    return relu(this.linear.forward(x))
  }
}

export class FeedForwardModel extends EmbeddedModel {
  readonly attention = new MultiHead(this.sizes.embed, this.sizes.heads)
  readonly feedForward = new FeedForward(this.sizes.embed)

  body(x: Tensor): Tensor {
    return this.feedForward.forward(this.attention.forward(x))
  }
}

export const feedForward: ModelStage = {
  ...course['feed-forward'],
  name: 'feed-forward',
  model: FeedForwardModel,
}
