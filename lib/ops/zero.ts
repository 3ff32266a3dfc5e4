// zero: sets tensors to 0, in place. Every update ends with it, so that gradients start each step
// at zero.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp } from './op'

export const zeroOp = defineOp({
  name: 'zero',
  shape: (inputs) => inputs.map(({ dtype, shape }) => ({ dtype, shape })),
  inPlace: (_, output) => output,
  reference(_, outputs) {
    for (const output of outputs) output.data.fill(0)
  },
})

export function zero(tensors: readonly Tensor[]): void {
  apply(zeroOp, tensors)
}
