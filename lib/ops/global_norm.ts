// global_norm: the Euclidean norm over all elements of all inputs.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, floats } from './op'

export const globalNormOp = defineOp({
  name: 'global_norm',
  shape(inputs) {
    demand(inputs.length >= 1, 'global_norm', () => 'at least one tensor is needed')
    for (const input of inputs) expectFloat('global_norm', 'x', input)
    return [{ dtype: 'f32', shape: [] }]
  },
  reference(inputs, [norm]) {
    let sum = 0
    for (const input of inputs) {
      const values = floats(input)
      for (let i = 0; i < values.length; i++) sum += values[i] * values[i]
    }
    norm.data[0] = Math.sqrt(sum)
  },
})

export function globalNorm(tensors: readonly Tensor[]): Tensor {
  return apply(globalNormOp, tensors)[0]
}
