// Stage 08: layer norm. Each block reads the road at a known volume.
//
//     x → x + attention(norm(x)) → that + feedForward(norm(that)) → … → norm → logits
//
// Each block adds to x, so x grows as it goes up, and differently for each position. Layer norm takes a position's C
// numbers, subtracts their mean and divides by their standard deviation, then lets two learned vectors, a gain and a
// bias, set the scale again. It stands *before* each part ("pre-norm"), beside the road and not on it: the straight way
// from embeddings to logits stays. A last norm before the logits brings the sum of all blocks to scale. 448 parameters more.
//
// With three layers it helps a little; with the six of stage 09, or forty, it is what makes training possible.

import type { Tensor } from '../graph/tensor'
import { LayerNorm } from '../nn'
import { add } from '../ops'
import { course } from '../presets/course'
import { EmbeddedModel } from './03_single_head'
import { ResidualBlock } from './07_residual'
import type { ModelStage } from './stage'

export class NormBlock extends ResidualBlock {
  readonly attentionNorm: LayerNorm
  readonly feedForwardNorm: LayerNorm

  constructor(channels: number, heads: number) {
    super(channels, heads)
    this.attentionNorm = new LayerNorm(channels)
    this.feedForwardNorm = new LayerNorm(channels)
  }

  override forward(x: Tensor): Tensor {
    const attended = add(x, this.attention.forward(this.attentionNorm.forward(x)))
    return add(attended, this.feedForward.forward(this.feedForwardNorm.forward(attended)))
  }
}

export class LayerNormModel extends EmbeddedModel {
  readonly blocks = Array.from(
    { length: this.sizes.layers },
    () => new NormBlock(this.sizes.embed, this.sizes.heads),
  )
  readonly finalNorm = new LayerNorm(this.sizes.embed)

  body(x: Tensor): Tensor {
    for (const block of this.blocks) x = block.forward(x)
    return this.finalNorm.forward(x)
  }
}

export const layerNorm: ModelStage = {
  ...course['layer-norm'],
  name: 'layer-norm',
  model: LayerNormModel,
}
