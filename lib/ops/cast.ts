// cast: the same numbers in another float format, rounded to the nearest. Only passes/precision.ts makes it.

import { defineOp, expectFloat, floats } from './op'

export const castOp = defineOp({
  name: 'cast',
  bf16: { inputs: [0], outputs: [0] },
  shape([x]) {
    expectFloat('cast', 'x', x)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  // Who holds the result in bf16 rounds it.
  reference([x], [y]) {
    floats(y).set(floats(x))
  },
})
