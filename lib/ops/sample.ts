// sample: draws a token from softmax(logits / temperature), among the top_k largest. One random number a row.

import { lastOf, rowsOf } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import { uniform } from '../random/philox'
import { apply, expectFloat, expectSpec, floats, type Op, outOfRange } from './op'

export const sampleOp: Op = {
  name: 'sample',
  integers: ['site'],
  shape([logits, temperature, topK, rng]) {
    expectFloat('sample', 'logits', logits)
    expectSpec('sample', 'temperature', temperature, 'f32', [])
    expectSpec('sample', 'top_k', topK, 'i32', [])
    expectSpec('sample', 'rng', rng, 'u32', [3])
    return [{ dtype: 'i32', shape: logits.shape.slice(0, -1) }]
  },
  reference([logits, temperature, topK, rng], [tokens], { site }) {
    const V = lastOf(logits.shape)
    const [low, high, draw] = rng.data
    for (let row = 0; row < rowsOf(logits.shape); row++) {
      const values = floats(logits).subarray(row * V, (row + 1) * V)
      const u = uniform(row, site as number, draw, { low, high })
      tokens.data[row] = choose(values, temperature.data[0], topK.data[0], u)
    }
  },
}

function choose(logits: ArrayLike<number>, temperature: number, topK: number, u: number): number {
  if (!(temperature >= 0 && temperature < Infinity)) {
    outOfRange(`sample: temperature ${temperature} must be finite and at least 0`)
  }
  if (topK < 0) outOfRange(`sample: top_k ${topK} must not be negative`)
  let best = 0
  for (let i = 0; i < logits.length; i++) {
    if (Number.isNaN(logits[i])) outOfRange('sample: a logit is NaN')
    if (logits[i] > logits[best]) best = i
  }
  const max = logits[best]
  if (max === -Infinity) outOfRange('sample: every logit is -Infinity')
  if (temperature === 0 || max === Infinity) return best
  const threshold =
    topK > 0 && topK < logits.length ? Array.from(logits).sort((a, b) => b - a)[topK - 1] : -Infinity
  const weight = (i: number) => (logits[i] >= threshold ? Math.exp((logits[i] - max) / temperature) : 0)
  let total = 0
  for (let i = 0; i < logits.length; i++) total += weight(i)
  let sum = 0
  let last = best
  for (let i = 0; i < logits.length; i++) {
    const w = weight(i)
    if (w === 0) continue
    sum += w
    last = i
    if (u * total < sum) return i
  }
  return last
}

/** logits […, V] → tokens […]. temperature [] (0: the largest), topK [] (0: all), rng [3]. */
export function sample(logits: Tensor, temperature: Tensor, topK: Tensor, rng: Tensor, site: number): Tensor {
  return apply(sampleOp, [logits, temperature, topK, rng], { site })[0]
}
