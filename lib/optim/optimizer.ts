// The interface of an optimizer: its state for each parameter, and the ops that update both.

import type { Shape } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import type { Trace } from '../graph/trace'
import type { OptimizerName } from './names'

/** The hyperparameters of all optimizers. Each optimizer reads its own. */
export interface OptimizerConfig {
  readonly optimizer: OptimizerName
  /**
   * AdamW: `beta1` is the decay of the gradient's running mean, `beta2` that of the squared
   * gradient's. `epsilon` prevents division by zero.
   */
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /**
   * Weight decay. It is decoupled, except in SGD, which adds it to the gradient. With Muon, it
   * applies only to the matrices that Muon updates.
   */
  readonly weightDecay: number
  /** SGD's momentum. Muon's momentum is an input of each step. */
  readonly momentum: number
  /** Whether SGD uses Nesterov momentum. Muon always does. */
  readonly nesterov: boolean
}

/** A parameter in the update Program. */
export interface Updated {
  readonly parameter: Tensor
  readonly gradient: Tensor
  /** In the order of `Optimizer.state`. */
  readonly state: readonly Tensor[]
}

export interface Optimizer {
  /**
   * The names of the Store tensors that hold the state of the parameter at `path`. They are f32 and
   * have its shape.
   */
  state(path: string): readonly string[]
  /** Records the update of the parameters and their state. `scale` [] multiplies the gradients. */
  update(trace: Trace, scale: Tensor, updated: readonly Updated[], config: OptimizerConfig): void
}

/** An f32 tensor of the Store. */
export interface StoreTensor {
  readonly name: string
  readonly shape: Shape
}
