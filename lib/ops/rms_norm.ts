// rms_norm: divides each row by its root mean square and multiplies by an optional gain (Zhang and
// Sennrich, 2019). A row can be split into groups that are normalized separately, such as the heads
// before attention.

import { lastOf, type TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, expectSpec, floats, type Operand } from './op'

export const rmsNormOp = defineOp({
  name: 'rms_norm',
  integers: ['groups'],
  bf16: { inputs: [0], outputs: [0] },
  shape([x, gain], attributes) {
    const rstd = checkGroups('rms_norm', x, gain, attributes)
    // Check the value after rounding to f32, which is what kernels use.
    const epsilon = Math.fround(attributes.epsilon as number)
    demand(
      epsilon > 0 && epsilon < Infinity,
      'rms_norm',
      () => `epsilon must be positive and finite, not ${attributes.epsilon}`,
    )
    return [{ dtype: 'f32', shape: x.shape }, rstd]
  },
  gradient({ inputs: [x, gain], outputs: [, rstd], gradients: [dy], attributes: { groups } }) {
    return dy ? apply(rmsNormBackwardOp, [x, rstd, dy, ...(gain ? [gain] : [])], { groups }) : []
  },
  reference([x, gain], [y, rstd], { epsilon }) {
    const [values, out] = [floats(x), floats(y)]
    const N = x.data.length / rstd.data.length
    for (let group = 0; group < rstd.data.length; group++) {
      const start = group * N
      let squares = 0
      for (let c = 0; c < N; c++) squares += values[start + c] ** 2
      const scale = 1 / Math.sqrt(squares / N + (epsilon as number))
      for (let c = 0; c < N; c++) out[start + c] = values[start + c] * scale * (gain ? gain.data[c] : 1)
      rstd.data[group] = scale
    }
  },
})

export const rmsNormBackwardOp = defineOp({
  name: 'rms_norm_backward',
  integers: ['groups'],
  bf16: { inputs: [0, 2] },
  shape([x, rstd, dy, gain], attributes) {
    const rows = checkGroups('rms_norm_backward', x, gain, attributes)
    expectSpec('rms_norm_backward', 'rstd', rstd, 'f32', rows.shape)
    expectSpec('rms_norm_backward', 'dy', dy, 'f32', x.shape)
    return [x, ...(gain ? [gain] : [])].map(({ shape }) => ({ dtype: 'f32', shape }))
  },
  // With n = x·rstd and h = dy·gain: dx = rstd·(h − n·avg(h·n)), dgain = Σ dy·n.
  reference([x, rstd, dy, gain], [dx, dgain]) {
    const [values, gradient, out] = [floats(x), floats(dy), floats(dx)]
    const N = x.data.length / rstd.data.length
    const gainSums = new Float64Array(N)
    for (let group = 0; group < rstd.data.length; group++) {
      const start = group * N
      const scale = rstd.data[group]
      let product = 0
      for (let c = 0; c < N; c++) {
        const n = values[start + c] * scale
        product += gradient[start + c] * (gain ? gain.data[c] : 1) * n
        gainSums[c] += gradient[start + c] * n
      }
      for (let c = 0; c < N; c++) {
        const h = gradient[start + c] * (gain ? gain.data[c] : 1)
        out[start + c] = scale * (h - (values[start + c] * scale * product) / N)
      }
    }
    dgain?.data.set(gainSums)
  },
})

/** Checks x and gain. Returns the spec of rstd, one number per group of each row. */
function checkGroups(
  op: string,
  x: TensorSpec,
  gain: TensorSpec | undefined,
  attributes: Attributes,
): TensorSpec {
  expectFloat(op, 'x', x)
  demand(x.shape.length >= 1, op, () => 'x needs at least one dimension')
  const C = lastOf(x.shape)
  const groups = attributes.groups as number
  const divides = Number.isInteger(groups) && groups >= 1 && C % groups === 0
  demand(divides, op, () => `${C} channels do not divide into ${groups} groups`)
  if (gain) expectSpec(op, 'gain', gain, 'f32', [C / groups])
  return { dtype: 'f32', shape: [...x.shape.slice(0, -1), groups] }
}

export interface RmsNormOptions {
  /** [C / groups], shared by all groups. Default: none. */
  gain?: Operand
  /** Number of equal parts of a row that are normalized separately. Must divide C. Default: 1. */
  groups?: number
  /** Added to the mean square. Must be positive. Default: 1e-6. */
  epsilon?: number
}

/** x […, C] → y […, C]. */
export function rmsNorm(x: Tensor, options: RmsNormOptions = {}): Tensor {
  const { gain, groups = 1, epsilon = 1e-6 } = options
  return apply(rmsNormOp, [x, ...(gain ? [gain] : [])], { groups, epsilon })[0]
}
