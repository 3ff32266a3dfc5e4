// adamw: Adam (Kingma and Ba, 2015) with decoupled weight decay (Loshchilov and Hutter, 2019), in
// PyTorch's order of operations, for any number of parameters.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFinite, expectGroups, expectSpec, floats, outOfRange } from './op'

export const adamwOp = defineOp({
  name: 'adamw',
  // Inputs: step, learning_rate, scale, then n parameters, n gradients, n m, n v.
  shape(inputs, attributes) {
    const [step, learningRate, scale, ...tensors] = inputs
    expectSpec('adamw', 'step', step, 'i32', [])
    expectSpec('adamw', 'learning_rate', learningRate, 'f32', [])
    expectSpec('adamw', 'scale', scale, 'f32', [])
    const n = expectGroups('adamw', tensors, ['parameter', 'gradient', 'm', 'v'])
    for (const beta of ['beta1', 'beta2']) {
      const value = attributes[beta] as number
      demand(
        value >= 0 && value < 1,
        'adamw',
        () => `${beta} must be at least 0 and less than 1, not ${value}`,
      )
    }
    return [...tensors.slice(0, n), ...tensors.slice(2 * n)].map(({ shape }) => ({ dtype: 'f32', shape }))
  },
  inPlace(inputs, output) {
    const n = (inputs - 3) / 4
    return output < n ? 3 + output : 3 + n + output
  },
  reference([step, learningRate, scale, ...tensors], outputs, attributes) {
    const { beta1, beta2, epsilon, weight_decay } = attributes as Record<string, number>
    const n = tensors.length / 4
    if (step.data[0] < 1) outOfRange(`adamw: step ${step.data[0]} must be at least 1`, 0)
    const stepSize = learningRate.data[0] / (1 - beta1 ** step.data[0])
    const correction = Math.sqrt(1 - beta2 ** step.data[0])
    const keep = 1 - learningRate.data[0] * weight_decay
    for (let i = 0; i < n; i++) {
      const [p, g, m, v] = [0, 1, 2, 3].map((k) => floats(tensors[i + k * n]))
      for (let j = 0; j < p.length; j++) {
        const gradient = g[j] * scale.data[0]
        m[j] += (gradient - m[j]) * (1 - beta1)
        v[j] = v[j] * beta2 + gradient * gradient * (1 - beta2)
        p[j] = p[j] * keep - (stepSize * m[j]) / (Math.sqrt(v[j]) / correction + epsilon)
      }
    }
    expectFinite('adamw', outputs)
  },
})

export interface AdamwTensors {
  parameter: Tensor
  gradient: Tensor
  m: Tensor
  v: Tensor
}

export interface AdamwOptions {
  beta1: number
  beta2: number
  epsilon: number
  weightDecay: number
}

/**
 * Updates the parameters, m and v in place. `step` starts at 1; `scale` multiplies the gradients.
 */
export function adamw(
  step: Tensor,
  learningRate: Tensor,
  scale: Tensor,
  tensors: readonly AdamwTensors[],
  options: AdamwOptions,
): void {
  const { beta1, beta2, epsilon, weightDecay } = options
  const inputs = [
    step,
    learningRate,
    scale,
    ...tensors.map((t) => t.parameter),
    ...tensors.map((t) => t.gradient),
    ...tensors.map((t) => t.m),
    ...tensors.map((t) => t.v),
  ]
  apply(adamwOp, inputs, { beta1, beta2, epsilon, weight_decay: weightDecay })
}
