// copy: y = x, any dtype.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp } from './op'

export const copyOp = defineOp({
  name: 'copy',
  shape: ([x]) => [{ dtype: x.dtype, shape: x.shape }],
  gradient: ({ gradients }) => [gradients[0]],
  reference([x], [y]) {
    y.data.set(x.data)
  },
})

export function copy(x: Tensor): Tensor {
  return apply(copyOp, [x])[0]
}
