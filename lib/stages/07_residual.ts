// Stage 07: residual connections. A block adds to what is there instead of replacing it.
//
//     x → x + attention(x) → that + feedForward(that)
//
// Now there is a straight road from the embeddings to the logits, which the blocks only add to. Addition passes a gradient
// on unchanged to both sides (its rule is dx = dy), so the first block learns as fast as the last, and a block that has
// learnt nothing yet does little harm. The loss falls from about 2.28 to 2.09.
//
// What is added needs to be in the road's own terms: a projection [C, C] after the heads mixes what they found, and the
// feed-forward gets a wide middle, C → 4C → C, so that its relu no longer cuts what goes into the sum. 41,921 parameters.

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
