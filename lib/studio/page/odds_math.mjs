// The odds of the next token, computed on the page, so that the sliders change them at once. The rule is
// that of the engine: lib/ops/sample.ts.

/**
 * The probability with which each token is drawn: 0 for those that topK or topP leave out. Temperature 0
 * always draws the most likely token.
 */
export function probabilities(logits, { temperature, topK, topP }) {
  const sorted = Float32Array.from(logits).sort().reverse()
  const max = sorted[0]
  if (temperature === 0) {
    const best = logits.indexOf(max)
    return Float64Array.from(logits, (_, i) => (i === best ? 1 : 0))
  }
  const weightOf = (logit) => Math.exp((logit - max) / temperature)
  let threshold = topK > 0 && topK < logits.length ? sorted[topK - 1] : Number.NEGATIVE_INFINITY
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
  const weights = Float64Array.from(logits, (logit) => (logit >= threshold ? weightOf(logit) : 0))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}
