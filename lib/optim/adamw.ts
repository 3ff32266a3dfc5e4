// AdamW. Its state is, for each parameter, the running means of the gradient (m) and of the squared
// gradient (v).

import { adamw } from '../ops'
import type { Optimizer } from './optimizer'

/** Inputs: step i32 [] (starts at 1), learningRate f32 []. */
export const adamwOptimizer: Optimizer = {
  state: (path) => [`adamw/m/${path}`, `adamw/v/${path}`],
  update(trace, scale, updated, config) {
    const step = trace.input('step', 'i32', [])
    const learningRate = trace.input('learningRate', 'f32', [])
    const tensors = updated.map(({ parameter, gradient, state: [m, v] }) => ({ parameter, gradient, m, v }))
    adamw(step, learningRate, scale, tensors, config)
  },
}
