// adamw, over one tensor and many.

import type { Shape } from '../../../lib/graph/dtype'
import { type Case, type Given, opCase } from '../case'
import { edges, floats, given, index, replaced, scalar } from './values'

const usual = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }

interface State {
  parameter: Given
  gradient: Given
  m: Given
  v: Given
}

function stateOf(shape: Shape, name = ''): State {
  return {
    parameter: floats(`p${name}`, shape),
    gradient: floats(`g${name}`, shape),
    m: floats(`m${name}`, shape, -0.1, 0.1),
    v: floats(`v${name}`, shape, 0, 0.01),
  }
}

interface Step {
  step?: number
  rate?: number
  scale?: number
}

function adamw(
  name: string,
  states: State[],
  { step = 3, rate = 1e-3, scale = 0.5 }: Step = {},
  attributes = usual,
): Case {
  const tensors = (['parameter', 'gradient', 'm', 'v'] as const).flatMap((part) =>
    states.map((state) => state[part]),
  )
  return opCase('adamw', name, [index(step), scalar(rate), scalar(scale), ...tensors], attributes)
}

export function optimizerCases(): Case[] {
  const state = stateOf([19])
  const zeros = () => given('f32', [19], new Float32Array(19))
  const fresh = { ...state, m: zeros(), v: zeros() }
  return [
    ...edges.map((n) => adamw(`[${n}]`, [stateOf([n])])),
    adamw('rank 0', [stateOf([])]),
    adamw('rank 3', [stateOf([2, 3, 5])]),
    // Tensors lie end to end, in chunks of 16,384.
    ...[16383, 16384, 16385, 50021].map((n) => adamw(`[${n}]`, [stateOf([n])])),
    adamw('three tensors', [stateOf([3, 5], '0'), stateOf([], '1'), stateOf([17], '2')]),
    adamw('across chunks', [
      stateOf([9001], '0'),
      stateOf([7], '1'),
      stateOf([129, 65], '2'),
      stateOf([33], '3'),
      stateOf([16007], '4'),
    ]),
    adamw('the first step', [fresh], { step: 1 }),
    ...[2, 10, 1000, 100000, 2 ** 31 - 1].map((step) => adamw(`step ${step}`, [state], { step })),
    adamw('the gradient is 0', [{ ...state, gradient: zeros() }]),
    adamw('all is 0', [{ parameter: zeros(), gradient: zeros(), m: zeros(), v: zeros() }], { step: 1 }),
    adamw('no scale', [state], { scale: 1 }),
    adamw('scale 0', [state], { scale: 0 }),
    adamw('rate 0', [state], { rate: 0 }),
    adamw('rate 0.3', [state], { rate: 0.3 }),
    adamw('no decay', [state], {}, { ...usual, weight_decay: 0 }),
    adamw('decay 0.5, rate 0.1', [state], { rate: 0.1 }, { ...usual, weight_decay: 0.5 }),
    adamw('other betas', [state], {}, { beta1: 0, beta2: 0.5, epsilon: 1e-3, weight_decay: 0.1 }),
    adamw('tiny gradients', [{ ...fresh, gradient: floats('g', [19], -1e-12, 1e-12) }], {
      step: 1,
      scale: 1,
    }),
    adamw('NaN in one gradient', [
      { ...state, gradient: replaced(state.gradient, { 9: Number.NaN, 18: Infinity }) },
    ]),
  ]
}
