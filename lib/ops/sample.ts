// sample: draws a token from softmax(logits / temperature). The candidates are first the top_k
// largest logits, of these the most likely tokens that together have the probability top_p, and of
// these the tokens with at least min_p times the top probability. Each row uses one random number.

import { lastOf, rowsOf } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import { uniform } from '../random/philox'
import { apply, defineOp, expectFloat, expectSpec, floats, outOfRange } from './op'

export const sampleOp = defineOp({
  name: 'sample',
  integers: ['site'],
  shape([logits, temperature, topK, topP, minP, rng]) {
    expectFloat('sample', 'logits', logits)
    expectSpec('sample', 'temperature', temperature, 'f32', [])
    expectSpec('sample', 'top_k', topK, 'i32', [])
    expectSpec('sample', 'top_p', topP, 'f64', [])
    expectSpec('sample', 'min_p', minP, 'f64', [])
    const rows = logits.shape.slice(0, -1)
    expectSpec('sample', 'rng', rng, 'u32', [...rows, 3])
    return [
      { dtype: 'i32', shape: rows },
      { dtype: 'f32', shape: rows },
    ]
  },
  reference([logits, temperature, topK, topP, minP, rng], [tokens, logProbabilities], { site }) {
    const V = lastOf(logits.shape)
    const [t, k, p, m] = [temperature, topK, topP, minP].map(({ data }) => data[0])
    const how = { temperature: t, topK: k, topP: p, minP: m }
    check(how)
    for (let row = 0; row < rowsOf(logits.shape); row++) {
      const values = floats(logits).subarray(row * V, (row + 1) * V)
      const [low, high, draw] = rng.data.subarray(3 * row, 3 * row + 3)
      const token = choose(values, how, uniform(0, site as number, draw, { low, high }))
      tokens.data[row] = token
      logProbabilities.data[row] = logProbability(values, token)
    }
  },
})

interface Sampling {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
}

function check({ temperature, topK, topP, minP }: Sampling): void {
  if (!(temperature >= 0 && temperature < Infinity)) {
    outOfRange(`sample: temperature ${temperature} must be finite and at least 0`, 1)
  }
  if (topK < 0) outOfRange(`sample: top_k ${topK} must not be negative`, 2)
  if (!(topP > 0 && topP <= 1)) outOfRange(`sample: top_p ${topP} must be more than 0 and at most 1`, 3)
  if (!(minP >= 0 && minP <= 1)) outOfRange(`sample: min_p ${minP} must be at least 0 and at most 1`, 4)
}

function choose(logits: ArrayLike<number>, how: Sampling, u: number): number {
  const best = firstLargest(logits)
  if (how.temperature === 0 || logits[best] === Infinity) return best
  const weights = choices(logits, logits[best], how)
  const total = weights.reduce((a, b) => a + b)
  let sum = 0
  let last = best
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue
    sum += weights[i]
    last = i
    if (u * total < sum) return i
  }
  return last
}

function firstLargest(logits: ArrayLike<number>): number {
  let best = 0
  for (let i = 0; i < logits.length; i++) {
    if (Number.isNaN(logits[i])) outOfRange('sample: a logit is NaN', 0)
    if (logits[i] > logits[best]) best = i
  }
  if (logits[best] === -Infinity) outOfRange('sample: every logit is -Infinity', 0)
  return best
}

/**
 * exp((logit − max) / temperature) of the candidates, and 0 of the other tokens. Tokens with equal
 * logits are kept or dropped together.
 */
function choices(logits: ArrayLike<number>, max: number, how: Sampling): number[] {
  const { temperature, topK, topP, minP } = how
  const values = Array.from(logits)
  const sorted = [...values].sort((a, b) => b - a)
  const weightOf = (logit: number) => Math.exp((logit - max) / temperature)
  let threshold = topK > 0 && topK < values.length ? sorted[topK - 1] : -Infinity
  if (topP < 1) {
    const kept = sorted.filter((logit) => logit >= threshold)
    const goal = topP * kept.reduce((sum, logit) => sum + weightOf(logit), 0)
    let sum = 0
    const last = kept.findIndex((logit) => {
      sum += weightOf(logit)
      return sum >= goal
    })
    if (last >= 0) threshold = kept[last]
  }
  return values.map((logit) => {
    const weight = logit >= threshold ? weightOf(logit) : 0
    return weight >= minP ? weight : 0
  })
}

/** log softmax(logits)[token]. A logit of Infinity has probability 1. */
function logProbability(logits: ArrayLike<number>, token: number): number {
  const max = logits[firstLargest(logits)]
  if (max === Infinity) return 0
  let total = 0
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i] - max)
  return logits[token] - max - Math.log(total)
}

export interface SampleInputs {
  /** f32 []. 0: takes the largest logit. */
  temperature: Tensor
  /** i32 []. 0: keeps all tokens. */
  topK: Tensor
  /**
   * f64 [], in (0, 1]. 1: keeps all tokens. It is f64 because 0.8 rounded to f32 is larger, and
   * would keep one more token where the probabilities reach exactly 0.8.
   */
  topP: Tensor
  /** f64 [], in [0, 1]. 0: keeps all tokens. */
  minP: Tensor
  /** u32 […, 3]: a random key per row. */
  rng: Tensor
}

/** logits […, V] → tokens i32 […], and their log-probabilities under softmax(logits), f32 […]. */
export function sample(
  logits: Tensor,
  inputs: SampleInputs,
  site: number,
): { token: Tensor; logProbability: Tensor } {
  const { temperature, topK, topP, minP, rng } = inputs
  const [token, logProbability] = apply(sampleOp, [logits, temperature, topK, topP, minP, rng], { site })
  return { token, logProbability }
}
