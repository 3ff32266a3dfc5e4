// cast: converts values to another float format, rounded to nearest. Only passes/precision.ts
// creates it.

import { defineOp, expectFloat, floats } from './op'

export const castOp = defineOp({
  name: 'cast',
  bf16: { inputs: [0], outputs: [0] },
  shape([x]) {
    expectFloat('cast', 'x', x)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  // The session rounds the result if it is bf16.
  reference([x], [y]) {
    floats(y).set(floats(x))
  },
})
