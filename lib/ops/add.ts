// add: y = a + b. b is repeated over the leading dimensions of a, as for a bias, a position
// embedding or a residual.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, floats, type Operand } from './op'
import { sumLeading } from './sum_leading'

export const addOp = defineOp({
  name: 'add',
  // The output is the residual stream, which stays f32.
  bf16: { inputs: [0, 1] },
  shape([a, b]) {
    expectFloat('add', 'a', a)
    expectFloat('add', 'b', b)
    const tail = a.shape.slice(a.shape.length - b.shape.length)
    const fits = b.shape.length <= a.shape.length && tail.every((d, i) => d === b.shape[i])
    demand(fits, 'add', () => `b [${b.shape}] must equal the last dimensions of a [${a.shape}]`)
    return [{ dtype: 'f32', shape: a.shape }]
  },
  gradient({ inputs: [a, b], gradients: [dy], needed }) {
    if (!dy) return []
    const db = () => (a.shape.length === b.shape.length ? dy : sumLeading(dy, b.shape.length))
    return [dy, needed[1] ? db() : undefined]
  },
  reference([a, b], [y]) {
    const [x, z, out] = [floats(a), floats(b), floats(y)]
    for (let i = 0; i < out.length; i += z.length) {
      for (let j = 0; j < z.length; j++) out[i + j] = x[i + j] + z[j]
    }
  },
})

/** a […, suffix] + b [suffix] → y (a's shape). */
export function add(a: Operand, b: Operand): Tensor {
  return apply(addOp, [a, b])[0]
}
