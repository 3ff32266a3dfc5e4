// cross_entropy: the mean over rows of −log softmax(logits)[target]. The only values stored for the
// gradient are the log-sum-exp of each row.

import { lastOf, rowsOf } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, expectSpec, floats, outOfRange } from './op'

export const crossEntropyOp = defineOp({
  name: 'cross_entropy',
  shape([logits, targets]) {
    expectFloat('cross_entropy', 'logits', logits)
    demand(logits.shape.length >= 1, 'cross_entropy', () => 'logits need at least one dimension')
    expectSpec('cross_entropy', 'targets', targets, 'i32', logits.shape.slice(0, -1))
    return [
      { dtype: 'f32', shape: [] },
      { dtype: 'f32', shape: targets.shape },
    ]
  },
  gradient({ inputs: [logits, targets], outputs: [, lse], gradients: [dloss] }) {
    return [dloss && apply(crossEntropyBackwardOp, [logits, targets, lse, dloss])[0], undefined]
  },
  reference([logits, targets], [loss, lse]) {
    const V = lastOf(logits.shape)
    const rows = rowsOf(logits.shape)
    const values = floats(logits)
    let sum = 0
    for (let row = 0; row < rows; row++) {
      const start = row * V
      const target = checkTarget(targets.data[row], V)
      let max = -Infinity
      for (let i = 0; i < V; i++) if (!(values[start + i] <= max)) max = values[start + i]
      let total = 0
      for (let i = 0; i < V; i++) total += Math.exp(values[start + i] - max)
      const logSum = max + Math.log(total)
      sum += logSum - values[start + target]
      lse.data[row] = logSum
    }
    loss.data[0] = sum / rows
  },
})

export const crossEntropyBackwardOp = defineOp({
  name: 'cross_entropy_backward',
  bf16: { outputs: [0] },
  shape([logits, targets, lse, dloss]) {
    const rows = logits.shape.slice(0, -1)
    expectFloat('cross_entropy_backward', 'logits', logits)
    expectSpec('cross_entropy_backward', 'targets', targets, 'i32', rows)
    expectSpec('cross_entropy_backward', 'lse', lse, 'f32', rows)
    expectSpec('cross_entropy_backward', 'dloss', dloss, 'f32', [])
    return [{ dtype: 'f32', shape: logits.shape }]
  },
  reference([logits, targets, lse, dloss], [dlogits]) {
    const V = lastOf(logits.shape)
    const rows = rowsOf(logits.shape)
    const [values, out] = [floats(logits), floats(dlogits)]
    const scale = dloss.data[0] / rows
    for (let row = 0; row < rows; row++) {
      const start = row * V
      const target = checkTarget(targets.data[row], V)
      for (let i = 0; i < V; i++) {
        const p = Math.exp(values[start + i] - lse.data[row])
        out[start + i] = (p - (i === target ? 1 : 0)) * scale
      }
    }
  },
})

function checkTarget(target: number, vocabulary: number): number {
  if (target < 0 || target >= vocabulary) {
    outOfRange(`cross_entropy: target ${target} is outside the vocabulary 0…${vocabulary - 1}`, 1)
  }
  return target
}

/** logits […, V], targets […] → the mean loss [], in nats. */
export function crossEntropy(logits: Tensor, targets: Tensor): Tensor {
  return apply(crossEntropyOp, [logits, targets])[0]
}
