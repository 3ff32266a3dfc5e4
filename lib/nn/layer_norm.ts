// Layer normalisation with a gain and a bias for each channel.

import { Parameter, type Tensor } from '../graph/tensor'
import { layerNorm } from '../ops'
import { fill } from '../ops/fill'
import { Module } from './module'

export interface LayerNormOptions {
  /** Added to the variance. Default 1e-5. */
  epsilon?: number
  /** Whether there is a gain for each channel. Default true. */
  gain?: boolean
  /** Whether there is a bias for each channel. Default true. */
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
    // The op has both; constants stand for what doesn't train.
    const constant = (value: number) => fill([this.channels], value, x.trace)
    return layerNorm(x, this.weight ?? constant(1), this.bias ?? constant(0), this.options.epsilon)
  }
}
