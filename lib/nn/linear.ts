// A linear map with a bias.

import { Parameter, type Tensor } from '../graph/tensor'
import { add, matmul } from '../ops'
import { Module } from './module'

export class Linear extends Module {
  readonly weight: Parameter
  readonly bias?: Parameter

  /**
   * Weight [outputs, inputs] and bias [outputs] begin as U(±1/√inputs), as in PyTorch.
   *
   * @param options `head`: it makes the logits, so that its weight is no hidden layer's (see `Parameter`). Default false
   */
  constructor(inputs: number, outputs: number, options: { bias?: boolean; head?: boolean } = {}) {
    super()
    const initial = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) } as const
    this.weight = new Parameter([outputs, inputs], initial, !options.head)
    if (options.bias ?? true) this.bias = new Parameter([outputs], initial)
  }

  /** x […, inputs] → […, outputs] */
  forward(x: Tensor): Tensor {
    const y = matmul(x, this.weight, false, true)
    return this.bias ? add(y, this.bias) : y
  }
}
