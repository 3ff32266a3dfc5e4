// dropout_add (fused): residual + dropout(x). It combines dropout and add, and is created by
// passes/fuse.ts.

import { checkDropout, dropoutInto } from './dropout'
import { defineOp, expectFloat, expectSpec, floats } from './op'

export const dropoutAddOp = defineOp({
  name: 'dropout_add',
  fused: true,
  integers: ['site'],
  // The output stays f32, as in add.
  bf16: { inputs: [0, 2] },
  shape([x, rng, residual], { p }) {
    expectFloat('dropout_add', 'x', x)
    checkDropout('dropout_add', p as number, rng)
    expectSpec('dropout_add', 'residual', residual, 'f32', x.shape)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  reference([x, rng, residual], [y], attributes) {
    const [out, kept] = [floats(y), floats(residual)]
    dropoutInto(out, x, rng, attributes)
    for (let i = 0; i < out.length; i++) out[i] += kept[i]
  },
})
