// tril_mean: the lower-triangular matrix whose row t is 1 / (t + 1) up to column t. Multiplied by x
// [T, C], it gives the mean over the past.

import type { Tensor } from '../graph/tensor'
import type { Trace } from '../graph/trace'
import { apply, defineOp, demand, floats } from './op'

export const trilMeanOp = defineOp({
  name: 'tril_mean',
  integers: ['length'],
  shape(_, { length }) {
    const T = length as number
    demand(
      Number.isInteger(T) && T >= 1,
      'tril_mean',
      () => `length must be a whole number, at least 1, not ${T}`,
    )
    return [{ dtype: 'f32', shape: [T, T] }]
  },
  reference(_, [y]) {
    const [T] = y.shape
    for (let t = 0; t < T; t++) {
      floats(y)
        .fill(1 / (t + 1), t * T, t * T + t + 1)
        .fill(0, t * T + t + 1, (t + 1) * T)
    }
  },
})

/**
 * y [length, length], f32: row t is 1 / (t + 1) up to column t, and 0 after it. Eager by default,
 * recorded if `trace` is given.
 */
export function trilMean(length: number, trace?: Trace): Tensor {
  const attributes = { length }
  if (!trace) return apply(trilMeanOp, [], attributes)[0]
  return trace.record(trilMeanOp.name, [], attributes, trilMeanOp.shape([], attributes))[0]
}
