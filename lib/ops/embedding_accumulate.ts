// embedding_accumulate (fused): total[v] += Σ dy where tokens = v, in place. It combines
// embedding_backward and accumulate, and is created by passes/fuse.ts.

import { lastOf } from '../graph/dtype'
import { checkToken } from './embedding'
import { defineOp, demand, expectFloat, expectSpec, floats } from './op'

export const embeddingAccumulateOp = defineOp({
  name: 'embedding_accumulate',
  fused: true,
  shape([total, tokens, dy]) {
    expectFloat('embedding_accumulate', 'total', total)
    demand(
      total.shape.length === 2,
      'embedding_accumulate',
      () => `total must be [vocabulary, channels], not [${total.shape}]`,
    )
    expectSpec('embedding_accumulate', 'tokens', tokens, 'i32')
    expectSpec('embedding_accumulate', 'dy', dy, 'f32', [...tokens.shape, lastOf(total.shape)])
    return [{ dtype: 'f32', shape: total.shape }]
  },
  inPlace: () => 0,
  reference([, tokens, dy], [total]) {
    const [V, C] = total.shape
    const [sums, gradient] = [floats(total), floats(dy)]
    for (const token of tokens.data) checkToken('embedding_accumulate', token, V, 1)
    tokens.data.forEach((token, i) => {
      for (let c = 0; c < C; c++) sums[token * C + c] += gradient[i * C + c]
    })
  },
})
