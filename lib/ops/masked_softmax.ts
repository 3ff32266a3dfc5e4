// masked_softmax: the causal softmax of scores [T, S]. Columns 0 … t + S − T of row t are visible,
// and in the last row all of them. The masked columns get weight 0, whatever they contain.

import { lastOf, type TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, expectSpec, floats } from './op'

export const maskedSoftmaxOp = defineOp({
  name: 'masked_softmax',
  shape: ([x], attributes) => [checkScores('masked_softmax', 'x', x, attributes)],
  gradient: ({ outputs: [y], gradients: [dy], attributes }) => [
    dy && apply(maskedSoftmaxBackwardOp, [y, dy], attributes)[0],
  ],
  reference([x], [y], attributes) {
    const scale = attributes.scale as number
    const [values, out] = [floats(x), floats(y)]
    forEachRow(x, (start, visible, end) => {
      let max = -Infinity
      // A NaN becomes the maximum and makes every visible weight NaN.
      for (let i = start; i < visible; i++) if (!(values[i] <= max)) max = values[i]
      let total = 0
      for (let i = start; i < visible; i++) total += Math.exp(scale * (values[i] - max))
      for (let i = start; i < visible; i++) out[i] = Math.exp(scale * (values[i] - max)) / total
      out.fill(0, visible, end)
    })
  },
})

export const maskedSoftmaxBackwardOp = defineOp({
  name: 'masked_softmax_backward',
  shape([y, dy], attributes) {
    const dx = checkScores('masked_softmax_backward', 'y', y, attributes)
    expectSpec('masked_softmax_backward', 'dy', dy, 'f32', y.shape)
    return [dx]
  },
  reference([y, dy], [dx], attributes) {
    const scale = attributes.scale as number
    const [values, gradient, out] = [floats(y), floats(dy), floats(dx)]
    forEachRow(y, (start, visible, end) => {
      let sum = 0
      for (let i = start; i < visible; i++) sum += values[i] * gradient[i]
      for (let i = start; i < visible; i++) out[i] = scale * values[i] * (gradient[i] - sum)
      out.fill(0, visible, end)
    })
  },
})

function checkScores(op: string, what: string, x: TensorSpec, { scale }: Attributes): TensorSpec {
  expectFloat(op, what, x)
  const [T, S] = x.shape.slice(-2)
  const fits = x.shape.length >= 2 && S >= T
  demand(fits, op, () => `${what} must be […, T, S] with S at least T, not [${x.shape}]`)
  // Check the value after rounding to f32, which is what kernels use.
  const factor = Math.fround(scale as number)
  demand(factor > 0 && factor < Infinity, op, () => `scale must be positive and finite, not ${scale}`)
  return { dtype: 'f32', shape: x.shape }
}

/** Calls `visit` for each row with its start, the end of its visible part, and its end. */
function forEachRow(x: Tensor, visit: (start: number, visible: number, end: number) => void): void {
  const [T, S] = x.shape.slice(-2)
  for (let row = 0; row < x.data.length / lastOf(x.shape); row++) {
    const start = row * S
    visit(start, start + (row % T) + 1 + S - T, start + S)
  }
}

export interface MaskedSoftmaxOptions {
  /** Factor on x, positive and finite. For attention: 1 / √(head size). Default: 1. */
  scale?: number
}

/** x […, T, S] with S ≥ T → y: the softmax of row t over columns 0 … t + S − T, and 0 elsewhere. */
export function maskedSoftmax(x: Tensor, { scale = 1 }: MaskedSoftmaxOptions = {}): Tensor {
  return apply(maskedSoftmaxOp, [x], { scale })[0]
}
