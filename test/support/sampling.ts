// The sampler's inputs, in a Program and in its records.

import type { Shape } from '../../lib/graph/dtype'
import type { Trace } from '../../lib/graph/trace'
import type { SampleInputs } from '../../lib/ops/sample'

/** @param rows the leading dimensions of the logits */
export function sampleInputs(trace: Trace, rows: Shape): SampleInputs {
  return {
    temperature: trace.input('temperature', 'f32', []),
    topK: trace.input('topK', 'i32', []),
    topP: trace.input('topP', 'f64', []),
    minP: trace.input('minP', 'f64', []),
    rng: trace.input('rng', 'u32', [...rows, 3]),
  }
}

/** Samples from all tokens, for one row. */
export const sampled = { temperature: [1], topK: [0], topP: [1], minP: [0], rng: [1, 2, 3] }
