// A linear layer: y = x·Wᵀ + b.

import { Parameter, type Tensor } from '../graph/tensor'
import { add, matmul } from '../ops'
import { type LinearInitial, torchLinear } from './initial'
import { Module } from './module'

export interface LinearOptions {
  /** Whether there is a bias. Default: true. */
  bias?: boolean
  /**
   * Whether the layer computes the logits. Its weight is then not a hidden matrix (see
   * `Parameter`). Default: false.
   */
  head?: boolean
  /** Initialization of weight and bias. Default: U(±1/√inputs) for both, as in PyTorch. */
  initial?: LinearInitial
  /** A parameter [outputs, inputs] of another module to share. Default: a new weight. */
  weight?: Parameter
}

export class Linear extends Module {
  readonly weight: Parameter
  readonly bias?: Parameter

  /** Weight [outputs, inputs] and bias [outputs]. */
  constructor(inputs: number, outputs: number, options: LinearOptions = {}) {
    super()
    const initial = (options.initial ?? torchLinear)(inputs)
    this.weight = options.weight ?? new Parameter([outputs, inputs], initial.weight, !options.head)
    if (options.bias ?? true) this.bias = new Parameter([outputs], initial.bias)
  }

  /** x […, inputs] → […, outputs] */
  forward(x: Tensor): Tensor {
    const y = matmul(x, this.weight, false, true)
    return this.bias ? add(y, this.bias) : y
  }
}
