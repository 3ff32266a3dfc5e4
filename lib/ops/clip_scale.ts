// clip_scale: the factor that limits a gradient norm to max_norm, min(1, max_norm / (norm + 1e-6)),
// as in PyTorch's clip_grad_norm_.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectSpec } from './op'

/** The factor for gradients with a finite norm. */
export const clipFactor = (norm: number, maxNorm: number) => Math.min(1, maxNorm / (norm + 1e-6))

export const clipScaleOp = defineOp({
  name: 'clip_scale',
  shape([norm], { max_norm }) {
    expectSpec('clip_scale', 'norm', norm, 'f32', [])
    demand((max_norm as number) > 0, 'clip_scale', () => `max_norm must be positive, not ${max_norm}`)
    return [{ dtype: 'f32', shape: [] }]
  },
  reference([norm], [scale], { max_norm }) {
    const [value] = norm.data
    const factor = clipFactor(value, max_norm as number)
    scale.data[0] = max_norm === Infinity && !Number.isNaN(value) ? 1 : factor
  },
})

/**
 * norm [] → the factor [] for the gradients.
 *
 * @param maxNorm positive. Infinity: no clipping
 */
export function clipScale(norm: Tensor, maxNorm: number): Tensor {
  return apply(clipScaleOp, [norm], { max_norm: maxNorm })[0]
}
