// Stage 08: layer norm. Each block reads the residual stream at a known scale.
//
//     x → y = x + attention(norm(x)) → y + feedForward(norm(y)) → … → norm → logits
//
// Each block adds to x, so x grows with depth, by a different amount at each position. Layer norm
// subtracts the mean of a position's C channels and divides by their standard deviation. Two
// learned vectors, a gain and a bias, then set the scale and the offset. The norm is applied
// *before* each part ("pre-norm"), on the branch and not on the residual stream, so the direct path
// from the embeddings to the logits remains. A final norm before the logits rescales the sum of all
// blocks. This adds 448 parameters.
//
// With three layers it helps a little. With the six of stage 09, or with forty, it is what makes
// training possible.

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
