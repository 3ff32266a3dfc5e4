// What an optimizer is: state beside each parameter, and ops that update both.

import type { Shape } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import type { Trace } from '../graph/trace'
import type { OptimizerName } from './names'

/** The numbers of all optimizers; each takes its own. */
export interface OptimizerConfig {
  readonly optimizer: OptimizerName
  /** AdamW's decay of the gradient's running mean, and of its running square; and what keeps it from dividing by 0. */
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Decoupled, but for SGD, which adds it to the gradient. With Muon that of its matrices alone. */
  readonly weightDecay: number
  /** SGD's; Muon's comes with each step. */
  readonly momentum: number
  /** SGD's; Muon's always is. */
  readonly nesterov: boolean
}

/** A parameter in the update's Program. */
export interface Updated {
  readonly parameter: Tensor
  readonly gradient: Tensor
  /** In the order of `state`. */
  readonly state: readonly Tensor[]
}

export interface Optimizer {
  /** The Store tensors that it keeps for a parameter of this path, f32 and of its shape. */
  state(path: string): readonly string[]
  /** Records the update of these parameters and their state; `scale` [] multiplies the gradients. */
  update(trace: Trace, scale: Tensor, updated: readonly Updated[], config: OptimizerConfig): void
}

/** A tensor of the Store, f32. */
export interface StoreTensor {
  readonly name: string
  readonly shape: Shape
}
