// embedding: looks up a row of the table for each token. The gradient adds each token's gradient to
// the row of the token.

import { lastOf, sizeOf } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, expectSpec, floats, type Operand, outOfRange } from './op'

export const embeddingOp = defineOp({
  name: 'embedding',
  shape([tokens, table]) {
    expectSpec('embedding', 'tokens', tokens, 'i32')
    expectFloat('embedding', 'table', table)
    demand(
      table.shape.length === 2,
      'embedding',
      () => `table must be [vocabulary, channels], not [${table.shape}]`,
    )
    return [{ dtype: 'f32', shape: [...tokens.shape, table.shape[1]] }]
  },
  gradient({ inputs: [tokens, table], gradients: [dy], needed }) {
    return [undefined, dy && needed[1] ? embeddingBackward(tokens, dy, table.shape[0]) : undefined]
  },
  reference([tokens, table], [y]) {
    const [V, C] = table.shape
    tokens.data.forEach((token, i) => {
      checkToken('embedding', token, V, 0)
      y.data.set(table.data.subarray(token * C, (token + 1) * C), i * C)
    })
  },
})

export const embeddingBackwardOp = defineOp({
  name: 'embedding_backward',
  integers: ['vocabulary'],
  shape([tokens, dy], { vocabulary }) {
    expectSpec('embedding_backward', 'tokens', tokens, 'i32')
    expectSpec('embedding_backward', 'dy', dy, 'f32', [...tokens.shape, lastOf(dy.shape)])
    return [{ dtype: 'f32', shape: [vocabulary as number, lastOf(dy.shape)] }]
  },
  reference([tokens, dy], [dtable]) {
    const [V, C] = dtable.shape
    const sums = new Float64Array(sizeOf(dtable.shape))
    const gradient = floats(dy)
    tokens.data.forEach((token, i) => {
      checkToken('embedding', token, V, 0)
      for (let c = 0; c < C; c++) sums[token * C + c] += gradient[i * C + c]
    })
    dtable.data.set(sums)
  },
})

/** Ends the run unless `token`, of input number `input`, is in the vocabulary. */
export function checkToken(op: string, token: number, vocabulary: number, input: number): void {
  if (token < 0 || token >= vocabulary)
    outOfRange(`${op}: token ${token} is outside the vocabulary 0…${vocabulary - 1}`, input)
}

/** tokens […], table [V, C] → y […, C]. */
export function embedding(tokens: Tensor, table: Operand): Tensor {
  return apply(embeddingOp, [tokens, table])[0]
}

/** tokens […], dy […, C] → dtable [V, C]. */
export function embeddingBackward(tokens: Tensor, dy: Tensor, vocabulary: number): Tensor {
  return apply(embeddingBackwardOp, [tokens, dy], { vocabulary })[0]
}
