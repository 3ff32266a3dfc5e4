// A linear map with a bias.

import { Parameter, type Tensor } from '../graph/tensor'
import { add, matmul } from '../ops'
import { type LinearInitial, torchLinear } from './initial'
import { Module } from './module'

export interface LinearOptions {
  /** Default true. */
  bias?: boolean
  /** Whether it makes the logits, so that its weight is no hidden layer's (see `Parameter`). Default false. */
  head?: boolean
  /** How weight and bias begin. Default: both as U(±1/√inputs), as in PyTorch. */
  initial?: LinearInitial
  /** Another module's parameter [outputs, inputs] to share. Default: a weight of its own. */
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
