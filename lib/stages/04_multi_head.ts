// Stage 04: multi-head attention. One head can look for one thing at a time; four heads can look
// for four.
//
//     x [B, T, 32] → q, k, v [B, T, 32], each read as 4 heads of 8 channels
//       head h: softmax(q_h·k_hᵀ / √8)·v_h → [B, T, 8]
//       concatenated: [B, T, 4 · 8 = 32]
//
// This takes no extra parameters. Four matrices of 32 → 8 side by side are one matrix of 32 → 32,
// and concatenation is only a way of reading the result: channels 8h … 8h + 7 belong to head h. The
// model still has 7,553 parameters, but it now has four softmaxes instead of one, each over its own
// scores.

import type { Tensor } from '../graph/tensor'
import { attend } from '../nn'
import { course } from '../presets/course'
import { EmbeddedModel, Head } from './03_single_head'
import type { ModelStage } from './stage'

/** H heads of D = C / H channels, side by side: x [B, T, C] → [B, T, C]. */
export class MultiHead extends Head {
  constructor(
    channels: number,
    readonly heads: number,
  ) {
    super(channels, channels)
  }

  override forward(x: Tensor): Tensor {
    const [q, k, v] = this.project(x)
    return attend(this, q, k, v, { heads: this.heads })
  }
}

export class MultiHeadModel extends EmbeddedModel {
  readonly attention = new MultiHead(this.sizes.embed, this.sizes.heads)

  body(x: Tensor): Tensor {
    return this.attention.forward(x)
  }
}

export const multiHead: ModelStage = {
  ...course['multi-head'],
  name: 'multi-head',
  model: MultiHeadModel,
}
