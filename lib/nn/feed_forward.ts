// The feed-forward part of a block. It processes each position separately.

import type { Tensor } from '../graph/tensor'
import { gelu, relu, reluSquared, swiglu } from '../ops'
import { Dropout } from './dropout'
import type { InitialScheme } from './initial'
import { Linear } from './linear'
import { Module } from './module'

export const activationNames = ['relu', 'relu-squared', 'gelu', 'gelu-tanh', 'swiglu'] as const
export type Activation = (typeof activationNames)[number]

export interface FeedForwardOptions {
  /**
   * The activation between the two layers. 'swiglu' adds a third layer, the gate. Default: 'relu'.
   */
  activation?: Activation
  /** Channels between the layers. 0: 4 · channels, also with 'swiglu'. Default: 0. */
  feedForwardWidth?: number
  /** Whether the layers have biases. Default: true. */
  bias?: boolean
  /** Initialization of the layers. Default: as in PyTorch. */
  initial?: InitialScheme
}

const activations = {
  relu,
  'relu-squared': reluSquared,
  gelu: (x: Tensor) => gelu(x),
  'gelu-tanh': (x: Tensor) => gelu(x, { tanh: true }),
}

export class FeedForward extends Module {
  readonly expand: Linear
  /** Only with 'swiglu'. */
  readonly gate?: Linear
  readonly contract: Linear
  readonly dropout: Dropout
  private readonly activation: Activation

  /** @param dropout probability of dropping an element of the result in training. Default: 0 */
  constructor(channels: number, dropout = 0, options: FeedForwardOptions = {}) {
    super()
    const { activation = 'relu', feedForwardWidth = 0, bias, initial } = options
    // By default, SwiGLU keeps the hidden width of the other activations, 4 · channels, so that the gate is the
    // only addition. Llama uses 8/3 · channels instead, so that the number of parameters stays the
    // same.
    const width = feedForwardWidth || 4 * channels
    this.activation = activation
    this.expand = new Linear(channels, width, { bias, initial: initial?.linear })
    if (activation === 'swiglu') this.gate = new Linear(channels, width, { bias, initial: initial?.linear })
    this.contract = new Linear(width, channels, { bias, initial: initial?.residual })
    this.dropout = new Dropout(dropout)
  }

  /** x [B, T, C] → activation(x·W₁ᵀ + b₁) [B, T, width] → [B, T, C] */
  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.contract.forward(this.activated(x)))
  }

  private activated(x: Tensor): Tensor {
    const expanded = this.expand.forward(x)
    if (this.activation === 'swiglu') return swiglu(this.gate!.forward(x), expanded)
    return activations[this.activation](expanded)
  }
}
