// add: y = a + b, b repeated over a's leading dimensions (a bias, a position, a residual). sum_leading is its gradient for b.

import { sizeOf } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import { apply, demand, expectFloat, floats, type Op, type Operand } from './op'

export const addOp: Op = {
  name: 'add',
  shape([a, b]) {
    expectFloat('add', 'a', a)
    expectFloat('add', 'b', b)
    const tail = a.shape.slice(a.shape.length - b.shape.length)
    const fits = b.shape.length <= a.shape.length && tail.every((d, i) => d === b.shape[i])
    demand(fits, 'add', () => `b [${b.shape}] must equal the last dimensions of a [${a.shape}]`)
    return [{ dtype: 'f32', shape: a.shape }]
  },
  gradient({ inputs: [a, b], gradients: [dy] }) {
    if (!dy) return []
    return [dy, a.shape.length === b.shape.length ? dy : sumLeading(dy, b.shape.length)]
  },
  reference([a, b], [y]) {
    const [x, z, out] = [floats(a), floats(b), floats(y)]
    for (let i = 0; i < out.length; i += z.length) {
      for (let j = 0; j < z.length; j++) out[i + j] = x[i + j] + z[j]
    }
  },
}

export const sumLeadingOp: Op = {
  name: 'sum_leading',
  integers: ['rank'],
  shape([x], { rank }) {
    expectFloat('sum_leading', 'x', x)
    const kept = rank as number
    const fits = Number.isInteger(kept) && kept >= 0 && kept <= x.shape.length
    demand(fits, 'sum_leading', () => `rank must be between 0 and ${x.shape.length}, not ${kept}`)
    return [{ dtype: 'f32', shape: x.shape.slice(x.shape.length - kept) }]
  },
  reference([x], [y]) {
    const sums = new Float64Array(sizeOf(y.shape))
    const values = floats(x)
    for (let i = 0; i < values.length; i += sums.length) {
      for (let j = 0; j < sums.length; j++) sums[j] += values[i + j]
    }
    y.data.set(sums)
  },
}

/** a […, suffix] + b [suffix] → y (a's shape). */
export function add(a: Operand, b: Operand): Tensor {
  return apply(addOp, [a, b])[0]
}

/** Sums over the leading dimensions, keeping the last `rank`. */
export function sumLeading(x: Tensor, rank: number): Tensor {
  return apply(sumLeadingOp, [x], { rank })[0]
}
