// The feed-forward part of a block: each position on its own.

import type { Tensor } from '../graph/tensor'
import { gelu, relu, reluSquared, swiglu } from '../ops'
import { Dropout } from './dropout'
import type { InitialScheme } from './initial'
import { Linear } from './linear'
import { Module } from './module'

export const activationNames = ['relu', 'relu-squared', 'gelu', 'gelu-tanh', 'swiglu'] as const
export type Activation = (typeof activationNames)[number]

export interface FeedForwardOptions {
  /** What happens between the two layers. 'swiglu' has a third one, whose result says how much of each channel passes. Default 'relu'. */
  activation?: Activation
  /** Whether the layers have biases. Default true. */
  bias?: boolean
  /** How the layers begin. Default: as in PyTorch. */
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
  /** With 'swiglu'. */
  readonly gate?: Linear
  readonly contract: Linear
  readonly dropout: Dropout
  private readonly activation: Activation

  /** @param dropout the probability of dropping an element of the result */
  constructor(channels: number, dropout = 0, options: FeedForwardOptions = {}) {
    super()
    const { activation = 'relu', bias, initial } = options
    // SwiGLU keeps the width of the others, 4 · channels, so that a gate is all that is added. (Where parameters must stay as many,
    // as in Llama, it is 8/3 · channels.)
    const width = 4 * channels
    this.activation = activation
    this.expand = new Linear(channels, width, { bias, initial: initial?.linear })
    if (activation === 'swiglu') this.gate = new Linear(channels, width, { bias, initial: initial?.linear })
    this.contract = new Linear(width, channels, { bias, initial: initial?.residual })
    this.dropout = new Dropout(dropout)
  }

  /** x [B, T, C] → relu(x·W₁ᵀ + b₁) [B, T, 4C], or another activation of it → [B, T, C] */
  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.contract.forward(this.activated(x)))
  }

  private activated(x: Tensor): Tensor {
    const expanded = this.expand.forward(x)
    if (this.activation === 'swiglu') return swiglu(this.gate!.forward(x), expanded)
    return activations[this.activation](expanded)
  }
}
