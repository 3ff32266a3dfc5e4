// ema: exponential moving average a + (1 − decay)·(p − a), for any number of tensors.

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, expectFinite, expectGroups, expectSpec, floats } from './op'

export const emaOp = defineOp({
  name: 'ema',
  // Inputs: decay, then n averages, n parameters.
  shape([decay, ...tensors]) {
    expectSpec('ema', 'decay', decay, 'f32', [])
    const n = expectGroups('ema', tensors, ['average', 'parameter'])
    return tensors.slice(0, n).map(({ shape }) => ({ dtype: 'f32', shape }))
  },
  inPlace: (_, output) => 1 + output,
  reference([decay, ...tensors], outputs) {
    const n = tensors.length / 2
    const rest = 1 - decay.data[0]
    for (let i = 0; i < n; i++) {
      const [average, parameter] = [floats(tensors[i]), floats(tensors[i + n])]
      for (let j = 0; j < average.length; j++) average[j] += rest * (parameter[j] - average[j])
    }
    expectFinite('ema', outputs)
  },
})

export interface EmaTensors {
  average: Tensor
  parameter: Tensor
}

/** Moves the averages towards the parameters, in place. A larger `decay` moves them less. */
export function ema(decay: Tensor, tensors: readonly EmaTensors[]): void {
  apply(emaOp, [decay, ...tensors.map((t) => t.average), ...tensors.map((t) => t.parameter)])
}
