// gelu: x·Φ(x), where Φ is the distribution function of the standard normal (Hendrycks and Gimpel,
// 2016), or its approximation by tanh.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, expectFloat, expectSpec, floats } from './op'

export const geluOp = defineOp({
  name: 'gelu',
  bf16: { inputs: [0], outputs: [0] },
  shape([x]) {
    expectFloat('gelu', 'x', x)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  gradient: ({ inputs: [x], gradients: [dy], attributes }) => [
    dy && apply(geluBackwardOp, [x, dy], attributes)[0],
  ],
  reference([x], [y], { tanh }) {
    const [values, out] = [floats(x), floats(y)]
    const share = tanh ? sigmoidal : normal
    for (let i = 0; i < out.length; i++) out[i] = values[i] * share(values[i])
  },
})

export const geluBackwardOp = defineOp({
  name: 'gelu_backward',
  bf16: { inputs: [0, 1], outputs: [0] },
  shape([x, dy]) {
    expectFloat('gelu_backward', 'x', x)
    expectSpec('gelu_backward', 'dy', dy, 'f32', x.shape)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  // Φ(x) + x·Φ′(x), where Φ′ is the density. With `tanh`, the approximation replaces both.
  reference([x, dy], [dx], { tanh }) {
    const [values, gradient, out] = [floats(x), floats(dy), floats(dx)]
    const [share, slope] = tanh ? [sigmoidal, sigmoidalSlope] : [normal, density]
    for (let i = 0; i < out.length; i++) {
      out[i] = gradient[i] * (share(values[i]) + values[i] * slope(values[i]))
    }
  },
})

// Jest looks up globals slowly.
const { abs, exp } = Math
const rootOf2ByPi = Math.sqrt(2 / Math.PI)
const rootOf2Pi = Math.sqrt(2 * Math.PI)

/**
 * ½·(1 + tanh u) with u = √(2/π)·(x + 0.044715·x³), computed as 1 / (1 + exp(−2u)), which avoids
 * cancellation for small results.
 */
function sigmoidal(x: number): number {
  return 1 / (1 + exp(-2 * rootOf2ByPi * (x + 0.044715 * x ** 3)))
}

/** σ(2u)′ = σ(2u)·σ(−2u)·2u′. */
function sigmoidalSlope(x: number): number {
  return sigmoidal(x) * sigmoidal(-x) * 2 * rootOf2ByPi * (1 + 3 * 0.044715 * x ** 2)
}

function density(x: number): number {
  return exp((-x * x) / 2) / rootOf2Pi
}

/**
 * Φ(x) = ½·(1 + erf(x / √2)), accurate to a few units in the last place of a double. Source:
 * formulas 26.2.11 and 26.2.14 of Abramowitz and Stegun.
 */
function normal(x: number): number {
  if (abs(x) < 3) {
    // ½ + density·(x + x³/3 + x⁵/(3·5) + …)
    let sum = 0
    for (let term = x, n = 1; sum + term !== sum; n += 2, term *= (x * x) / n) sum += term
    return 0.5 + density(x) * sum
  }
  // density / (x + 1/(x + 2/(x + …))), for the tail.
  const distance = abs(x)
  let fraction = distance
  for (let n = 100; n >= 1; n--) fraction = distance + n / fraction
  return x > 0 ? 1 - density(x) / fraction : density(x) / fraction
}

export interface GeluOptions {
  /** Whether to use the approximation ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))). Default: false. */
  tanh?: boolean
}

/** x·Φ(x), elementwise. */
export function gelu(x: Tensor, { tanh = false }: GeluOptions = {}): Tensor {
  return apply(geluOp, [x], { tanh })[0]
}
