// Root-mean-square normalization (Zhang and Sennrich, 2019): layer norm without the mean.

import { Parameter, type Tensor } from '../graph/tensor'
import { rmsNorm } from '../ops'
import { Module } from './module'

export interface RmsNormOptions {
  /** Added to the mean square. Default: 1e-6. */
  epsilon?: number
  /** Whether there is a gain per channel. Default: true. */
  gain?: boolean
}

export class RmsNorm extends Module {
  readonly weight?: Parameter

  constructor(
    channels: number,
    private readonly options: RmsNormOptions = {},
  ) {
    super()
    if (options.gain ?? true) this.weight = new Parameter([channels], { kind: 'constant', value: 1 })
  }

  /** x […, channels] → the same shape */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, { gain: this.weight, epsilon: this.options.epsilon })
  }
}
