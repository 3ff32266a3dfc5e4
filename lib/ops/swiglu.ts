// swiglu: silu(gate)·up with silu(x) = x·σ(x). One hidden layer gates another (Shazeer, 2020).

import type { Tensor } from '../graph/tensor'
import { apply, defineOp, expectFloat, expectSpec, floats } from './op'

export const swigluOp = defineOp({
  name: 'swiglu',
  bf16: { inputs: [0, 1], outputs: [0] },
  shape([gate, up]) {
    expectFloat('swiglu', 'gate', gate)
    expectSpec('swiglu', 'up', up, 'f32', gate.shape)
    return [{ dtype: 'f32', shape: gate.shape }]
  },
  gradient: ({ inputs: [gate, up], gradients: [dy] }) => (dy ? apply(swigluBackwardOp, [gate, up, dy]) : []),
  reference([gate, up], [y]) {
    const [gates, ups, out] = [floats(gate), floats(up), floats(y)]
    for (let i = 0; i < out.length; i++) out[i] = gates[i] * sigmoid(gates[i]) * ups[i]
  },
})

export const swigluBackwardOp = defineOp({
  name: 'swiglu_backward',
  bf16: { inputs: [0, 1, 2], outputs: [0, 1] },
  shape([gate, up, dy]) {
    expectFloat('swiglu_backward', 'gate', gate)
    expectSpec('swiglu_backward', 'up', up, 'f32', gate.shape)
    expectSpec('swiglu_backward', 'dy', dy, 'f32', gate.shape)
    return [gate, up].map(({ shape }) => ({ dtype: 'f32', shape }))
  },
  // silu′ = σ(x)·(1 + x·σ(−x)).
  reference([gate, up, dy], [dgate, dup]) {
    const [gates, ups, gradient] = [floats(gate), floats(up), floats(dy)]
    for (let i = 0; i < gates.length; i++) {
      const share = sigmoid(gates[i])
      dgate.data[i] = gradient[i] * ups[i] * share * (1 + gates[i] * sigmoid(-gates[i]))
      dup.data[i] = gradient[i] * gates[i] * share
    }
  },
})

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

/** silu(gate)·up, elementwise. Both have the same shape. */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  return apply(swigluOp, [gate, up])[0]
}
