// Stage 07: residual connections. A block adds to its input instead of replacing it.
//
//     x → y = x + attention(x) → y + feedForward(y)
//
// There is now a direct path from the embeddings to the logits, the residual stream, to which the
// blocks only add. Addition passes a gradient unchanged to both operands (dx = dy), so the first
// block learns as fast as the last, and a block that has not learned anything yet does little harm.
// The loss falls from about 2.29 to 2.09.
//
// What a block adds must fit the residual stream. A projection [C, C] after the heads mixes their
// results. The feed-forward gets a wider hidden layer, C → 4C → C, so that its relu no longer cuts
// what is added to the sum. 41,921 parameters.

import type { Tensor } from '../graph/tensor'
import { Linear, Module } from '../nn'
import { add, relu } from '../ops'
import { course } from '../presets/course'
import { EmbeddedModel } from './03_single_head'
import { MultiHead } from './04_multi_head'
import type { ModelStage } from './stage'

/** Heads, then a projection: x [B, T, C] → [B, T, C]. */
export class ProjectedHeads extends MultiHead {
  readonly projection: Linear

  constructor(channels: number, heads: number) {
    super(channels, heads)
    this.projection = new Linear(channels, channels)
  }

  override forward(x: Tensor): Tensor {
    return this.projection.forward(super.forward(x))
  }
}

/** x [B, T, C] → relu(x·W₁ᵀ + b₁) [B, T, 4C] → ·W₂ᵀ + b₂ [B, T, C] */
export class WideFeedForward extends Module {
  readonly expand: Linear
  readonly contract: Linear

  constructor(channels: number) {
    super()
    this.expand = new Linear(channels, 4 * channels)
    this.contract = new Linear(4 * channels, channels)
  }

  forward(x: Tensor): Tensor {
    return this.contract.forward(relu(this.expand.forward(x)))
  }
}

export class ResidualBlock extends Module {
  readonly attention: ProjectedHeads
  readonly feedForward: WideFeedForward

  constructor(channels: number, heads: number) {
    super()
    this.attention = new ProjectedHeads(channels, heads)
    this.feedForward = new WideFeedForward(channels)
  }

  forward(x: Tensor): Tensor {
    const attended = add(x, this.attention.forward(x))
    return add(attended, this.feedForward.forward(attended))
  }
}

export class ResidualModel extends EmbeddedModel {
  readonly blocks = Array.from(
    { length: this.sizes.layers },
    () => new ResidualBlock(this.sizes.embed, this.sizes.heads),
  )

  body(x: Tensor): Tensor {
    for (const block of this.blocks) x = block.forward(x)
    return x
  }
}

export const residual: ModelStage = {
  ...course.residual,
  name: 'residual',
  model: ResidualModel,
}
