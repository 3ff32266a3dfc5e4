// layer_norm, its gradient, and global_norm.

import type { Shape } from '../../../lib/graph/dtype'
import { layerNormOp } from '../../../lib/ops/layer_norm'
import { type Case, type CaseOptions, type Given, opCase } from '../case'
import { edges, floats, given, outputsOf, replaced } from './values'

const nan = Number.NaN
const inf = Infinity

export function normCases(): Case[] {
  return [...layerNorms(), ...globalNorms()]
}

/** The gradient sums blocks of 256 rows, or of 16 long ones. */
function layerNorms(): Case[] {
  const shapes: Shape[] = [
    ...edges.map((C): Shape => [3, C]),
    ...edges.map((rows): Shape => [rows, 11]),
    [5, 257],
    [2, 384],
    [255, 9],
    [256, 9],
    [257, 9],
    [1100, 65],
    [35, 3001],
    [2, 3, 5],
    [13],
  ]
  const x = floats('x', [5, 13])
  const constant = given('f32', [5, 13], new Float32Array(65).fill(0.7))
  const shifted = (by: number) => ({ ...x, values: (x.values as Float32Array).map((value) => value + by) })
  const scaled = (by: number) => ({ ...x, values: (x.values as Float32Array).map((value) => value * by) })
  // A mean far from 0 takes digits from what is left after it: the bounds know, the NMSE does not.
  const cancels = { nmse: 1e-4 }
  return [
    ...shapes.flatMap((shape) => norms(`[${shape}]`, floats('x', shape, -2, 3))),
    ...norms('epsilon 1e-2', x, { epsilon: 1e-2 }),
    ...norms('all equal', constant, { nmse: inf }),
    ...norms('all 0', scaled(0)),
    ...norms('around 100', shifted(100), cancels),
    ...norms('around -1e4', shifted(-1e4), { nmse: inf }),
    ...norms('up to 1e4', scaled(1e4)),
    ...norms('tiny', scaled(1e-4)),
    ...norms('NaN in one row', replaced(x, { 30: nan })),
    ...norms('Infinity in one row', replaced(x, { 30: inf, 2: -inf })),
  ]
}

function norms(
  name: string,
  x: Given,
  { epsilon = 1e-5, ...options }: CaseOptions & { epsilon?: number } = {},
): Case[] {
  const C = x.shape[x.shape.length - 1]
  const [gain, bias, dy] = [floats('gain', [C], 0.5, 1.5), floats('bias', [C]), floats('dy', x.shape)]
  const [, mean, rstd] = outputsOf(layerNormOp, [x, gain, bias], { epsilon })
  return [
    opCase('layer_norm', name, [x, gain, bias], { epsilon }, options),
    // One channel has no deviation: its gradient is what is left of roundings.
    opCase(
      'layer_norm_backward',
      name,
      [x, gain, mean, rstd, dy],
      {},
      { ...options, nmse: C <= 2 ? inf : options.nmse },
    ),
  ]
}

/** Tensors lie end to end, in chunks of 32,768. */
function globalNorms(): Case[] {
  const single = [...edges, 257, 32767, 32769, 70001]
  return [
    ...single.map((n) => opCase('global_norm', `[${n}]`, [floats('x', [n])])),
    opCase('global_norm', 'three tensors', [floats('x', [3, 5]), floats('y', []), floats('z', [17])]),
    opCase('global_norm', 'across chunks', [
      floats('x', [20011]),
      floats('y', [25013]),
      floats('z', [7]),
      floats('w', [30011]),
    ]),
    opCase('global_norm', 'one far above', [replaced(floats('x', [1003]), { 1002: 1e15 })]),
    opCase('global_norm', 'tiny', [floats('x', [33], -1e-20, 1e-20)]),
    opCase('global_norm', 'all 0', [given('f32', [9], new Float32Array(9))]),
    opCase('global_norm', 'NaN', [floats('x', [3]), replaced(floats('y', [9]), { 8: nan })]),
    opCase('global_norm', 'Infinity', [floats('x', [3]), replaced(floats('y', [9]), { 8: -inf })]),
  ]
}
