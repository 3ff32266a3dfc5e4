// dropout: keeps each element with probability 1 − p and scales it by 1 / (1 − p). The mask is a
// function of the seed, the site, the draw and the element's index. The gradient is therefore the
// same op, and no mask is stored.

import type { TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { DropoutMask } from '../random/mask'
import { apply, defineOp, demand, expectFloat, expectSpec, floats } from './op'

export const dropoutOp = defineOp({
  name: 'dropout',
  integers: ['site'],
  bf16: { inputs: [0], outputs: [0] },
  shape([x, rng], attributes) {
    expectFloat('dropout', 'x', x)
    checkDropout('dropout', attributes.p as number, rng)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  gradient: ({ inputs: [, rng], gradients: [dy], attributes }) => [
    dy && apply(dropoutOp, [dy, rng], attributes)[0],
  ],
  reference([x, rng], [y], attributes) {
    dropoutInto(floats(y), x, rng, attributes)
  },
})

export function checkDropout(op: string, p: number, rng: TensorSpec): void {
  demand(p >= 0 && p < 1, op, () => `dropout must be at least 0 and less than 1, not ${p}`)
  expectSpec(op, 'rng', rng, 'u32', [3])
}

export function dropoutInto(
  out: Float32Array | Float64Array,
  x: Tensor,
  rng: Tensor,
  { p, site }: Attributes,
): void {
  const mask = new DropoutMask(p as number, site as number, rng.data)
  const values = floats(x)
  for (let i = 0; i < out.length; i++) out[i] = mask.keeps(i) ? values[i] * mask.scale : 0
}

/**
 * x → the same shape.
 *
 * @param rng u32 [3] = seed low, seed high, draw
 * @param p probability of dropping an element, in [0, 1)
 * @param site `site('blocks.0.feedForward.dropout')`: names this use of the random numbers
 */
export function dropout(x: Tensor, rng: Tensor, p: number, site: number): Tensor {
  return apply(dropoutOp, [x, rng], { p, site })[0]
}
