// Layer normalization with an optional gain and bias per channel.

import { Parameter, type Tensor } from '../graph/tensor'
import { layerNorm } from '../ops'
import { fill } from '../ops/fill'
import { Module } from './module'

export interface LayerNormOptions {
  /** Added to the variance. Default: 1e-5. */
  epsilon?: number
  /** Whether there is a gain per channel. Default: true. */
  gain?: boolean
  /** Whether there is a bias per channel. Default: true. */
  bias?: boolean
}

export class LayerNorm extends Module {
  readonly weight?: Parameter
  readonly bias?: Parameter

  constructor(
    private readonly channels: number,
    private readonly options: LayerNormOptions = {},
  ) {
    super()
    if (options.gain ?? true) this.weight = new Parameter([channels], { kind: 'constant', value: 1 })
    if (options.bias ?? true) this.bias = new Parameter([channels], { kind: 'constant', value: 0 })
  }

  /** x […, channels] → the same shape */
  forward(x: Tensor): Tensor {
    // The op requires a gain and a bias. Constants replace those that are disabled.
    const constant = (value: number) => fill([this.channels], value, x.trace)
    return layerNorm(x, this.weight ?? constant(1), this.bias ?? constant(0), this.options.epsilon)
  }
}
