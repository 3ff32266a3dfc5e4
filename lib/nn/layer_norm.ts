// Layer normalisation with a gain and a bias for each channel.

import { Parameter, type Tensor } from '../graph/tensor'
import { layerNorm } from '../ops'
import { Module } from './module'

export class LayerNorm extends Module {
  readonly weight: Parameter
  readonly bias: Parameter

  constructor(
    channels: number,
    private readonly epsilon = 1e-5,
  ) {
    super()
    this.weight = new Parameter([channels], { kind: 'constant', value: 1 })
    this.bias = new Parameter([channels], { kind: 'constant', value: 0 })
  }

  /** x […, channels] → the same shape */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, this.epsilon)
  }
}
