// Stochastic gradient descent. Its state is the momentum (m) of each parameter.

import { sgd } from '../ops'
import type { Optimizer } from './optimizer'

/** Inputs: learningRate f32 []. */
export const sgdOptimizer: Optimizer = {
  state: (path) => [`sgd/m/${path}`],
  update(trace, scale, updated, config) {
    const learningRate = trace.input('learningRate', 'f32', [])
    const tensors = updated.map(({ parameter, gradient, state: [m] }) => ({ parameter, gradient, m }))
    sgd(learningRate, scale, tensors, config)
  },
}
