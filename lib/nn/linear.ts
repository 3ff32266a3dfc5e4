// A linear layer: y = x·Wᵀ + b. With an adapter (LoRA, Hu et al., 2021), it adds
// (alpha / rank) · (x·Aᵀ)·Bᵀ, the product with a matrix of low rank.

import { Parameter, type Tensor } from '../graph/tensor'
import { add, matmul, scale } from '../ops'
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
  /** Only with an adapter: A [rank, inputs]. */
  loraA?: Parameter
  /** Only with an adapter: B [outputs, rank]. */
  loraB?: Parameter
  private loraScale = 1

  /** Weight [outputs, inputs] and bias [outputs]. */
  constructor(
    private readonly inputs: number,
    private readonly outputs: number,
    options: LinearOptions = {},
  ) {
    super()
    const initial = (options.initial ?? torchLinear)(inputs)
    this.weight = options.weight ?? new Parameter([outputs, inputs], initial.weight, !options.head)
    if (options.bias ?? true) this.bias = new Parameter([outputs], initial.bias)
  }

  /**
   * Adds an adapter. It changes nothing until it is trained: A starts at U(±1/√inputs), as in PEFT,
   * and B at 0.
   *
   * @param factor by what the adapter's result is multiplied, alpha / rank
   */
  adapt(rank: number, factor: number): void {
    this.loraA = new Parameter([rank, this.inputs], torchLinear(this.inputs).weight, true)
    this.loraB = new Parameter([this.outputs, rank], { kind: 'constant', value: 0 }, true)
    this.loraScale = factor
  }

  /** x […, inputs] → […, outputs] */
  forward(x: Tensor): Tensor {
    const y = matmul(x, this.weight, false, true)
    const biased = this.bias ? add(y, this.bias) : y
    if (!this.loraA || !this.loraB) return biased
    // Scaled where it is smallest: [..., rank].
    const reduced = scale(matmul(x, this.loraA, false, true), this.loraScale)
    return add(biased, matmul(reduced, this.loraB, false, true))
  }
}
