// lerp: linear interpolation, y = a + weight · (b − a).

import type { Tensor } from '../graph/tensor'
import { fill } from './fill'
import { apply, defineOp, demand, expectFloat, expectSpec, floats } from './op'

export const lerpOp = defineOp({
  name: 'lerp',
  shape([a, b], attributes) {
    const weight = attributes.weight as number
    expectFloat('lerp', 'a', a)
    expectSpec('lerp', 'b', b, 'f32', a.shape)
    demand(weight >= 0 && weight <= 1, 'lerp', () => `weight must be from 0 to 1, not ${weight}`)
    return [{ dtype: 'f32', shape: a.shape }]
  },
  gradient({ gradients: [dy], attributes, needed }) {
    if (!dy) return []
    const weight = attributes.weight as number
    const zeros = fill(dy.shape, 0, dy.trace)
    return [needed[0] ? lerp(dy, zeros, weight) : undefined, needed[1] ? lerp(zeros, dy, weight) : undefined]
  },
  reference([a, b], [y], { weight }) {
    const [from, to, out] = [floats(a), floats(b), floats(y)]
    for (let i = 0; i < out.length; i++) out[i] = from[i] + (weight as number) * (to[i] - from[i])
  },
})

/** a + weight · (b − a), elementwise. `weight` is from 0 to 1. */
export function lerp(a: Tensor, b: Tensor, weight: number): Tensor {
  return apply(lerpOp, [a, b], { weight })[0]
}
