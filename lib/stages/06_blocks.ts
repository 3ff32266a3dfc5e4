// Stage 06: blocks. Attention and feed-forward, three times in a row.
//
//     x [B, T, C] → attention → feed-forward → attention → feed-forward → attention → feed-forward
//       → logits [B, T, V]
//
// A second attention layer can look for what the first one found, so depth should help. It does
// not. With 16,865 parameters, about twice as many as stage 05, the loss is no better, and for most
// seeds it is *worse*. Nothing here helps a deep network to train: whatever a block does not pass
// on is lost to all later blocks, and the gradient gets weaker with every relu and every softmax
// that it flows back through. Stages 07 and 08 solve this.

import type { Tensor } from '../graph/tensor'
import { Module } from '../nn'
import { course } from '../presets/course'
import { EmbeddedModel } from './03_single_head'
import { MultiHead } from './04_multi_head'
import { FeedForward } from './05_feed_forward'
import type { ModelStage } from './stage'

/** x [B, T, C] → feedForward(attention(x)) */
export class Block extends Module {
  readonly attention: MultiHead
  readonly feedForward: FeedForward

  constructor(channels: number, heads: number) {
    super()
    this.attention = new MultiHead(channels, heads)
    this.feedForward = new FeedForward(channels)
  }

  forward(x: Tensor): Tensor {
    return this.feedForward.forward(this.attention.forward(x))
  }
}

export class BlocksModel extends EmbeddedModel {
  readonly blocks = Array.from(
    { length: this.sizes.layers },
    () => new Block(this.sizes.embed, this.sizes.heads),
  )

  body(x: Tensor): Tensor {
    for (const block of this.blocks) x = block.forward(x)
    return x
  }
}

export const blocks: ModelStage = {
  ...course.blocks,
  name: 'blocks',
  model: BlocksModel,
}
