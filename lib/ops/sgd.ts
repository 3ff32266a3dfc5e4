// sgd: stochastic gradient descent with momentum (Polyak, 1964; Nesterov, 1983), in PyTorch's order
// of operations, for any number of parameters. Weight decay is added to the gradient, as in
// PyTorch.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFinite, expectGroups, expectSpec, floats } from './op'

export const sgdOp = defineOp({
  name: 'sgd',
  // Inputs: learning_rate, scale, then n parameters, n gradients, n m.
  shape(inputs, { momentum }) {
    const [learningRate, scale, ...tensors] = inputs
    expectSpec('sgd', 'learning_rate', learningRate, 'f32', [])
    expectSpec('sgd', 'scale', scale, 'f32', [])
    const n = expectGroups('sgd', tensors, ['parameter', 'gradient', 'm'])
    const value = momentum as number
    demand(value >= 0 && value < 1, 'sgd', () => `momentum must be at least 0 and less than 1, not ${value}`)
    return [...tensors.slice(0, n), ...tensors.slice(2 * n)].map(({ shape }) => ({ dtype: 'f32', shape }))
  },
  inPlace(inputs, output) {
    const n = (inputs - 2) / 3
    return output < n ? 2 + output : 2 + n + output
  },
  reference([learningRate, scale, ...tensors], outputs, attributes) {
    const { momentum, weight_decay } = attributes as Record<string, number>
    const n = tensors.length / 3
    for (let i = 0; i < n; i++) {
      const [p, g, m] = [0, 1, 2].map((k) => floats(tensors[i + k * n]))
      for (let j = 0; j < p.length; j++) {
        const gradient = g[j] * scale.data[0] + weight_decay * p[j]
        m[j] = momentum * m[j] + gradient
        const direction = attributes.nesterov ? gradient + momentum * m[j] : m[j]
        p[j] -= learningRate.data[0] * direction
      }
    }
    expectFinite('sgd', outputs)
  },
})

export interface SgdTensors {
  parameter: Tensor
  gradient: Tensor
  m: Tensor
}

export interface SgdOptions {
  momentum: number
  nesterov: boolean
  weightDecay: number
}

/** Updates the parameters and m in place. `scale` multiplies the gradients. */
export function sgd(
  learningRate: Tensor,
  scale: Tensor,
  tensors: readonly SgdTensors[],
  options: SgdOptions,
): void {
  const { momentum, nesterov, weightDecay } = options
  const inputs = [
    learningRate,
    scale,
    ...tensors.map((t) => t.parameter),
    ...tensors.map((t) => t.gradient),
    ...tensors.map((t) => t.m),
  ]
  apply(sgdOp, inputs, { momentum, nesterov, weight_decay: weightDecay })
}
