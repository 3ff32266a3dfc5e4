// layer_norm, its gradient, and global_norm.

import { rowsOf, type Shape } from '../../../lib/graph/dtype'
import { Tensor } from '../../../lib/graph/tensor'
import { layerNormOp } from '../../../lib/ops/layer_norm'
import { type Case, type CaseOptions, type Given, opCase } from '../case'
import { edges, floats, given, replaced } from './values'

const { NaN, POSITIVE_INFINITY: inf } = Number

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
    ...norms('NaN in one row', replaced(x, { 30: NaN })),
    ...norms('Infinity in one row', replaced(x, { 30: inf, 2: -inf })),
  ]
}

function norms(
  name: string,
  x: Given,
  { epsilon = 1e-5, ...options }: CaseOptions & { epsilon?: number } = {},
): Case[] {
  const C = x.shape[x.shape.length - 1]
  const rows = x.shape.slice(0, -1)
  const [gain, bias, dy] = [floats('gain', [C], 0.5, 1.5), floats('bias', [C]), floats('dy', x.shape)]
  const results = [x.shape, rows, rows].map((shape, i) => {
    const length = i === 0 ? x.values.length : rowsOf(x.shape)
    return new Tensor('f32', shape, new Float32Array(length))
  })
  const eager = ({ dtype, shape, values }: Given) => new Tensor(dtype, shape, values)
  layerNormOp.reference([x, gain, bias].map(eager), results, { epsilon })
  const [mean, rstd] = results
    .slice(1)
    .map(({ shape, data }): Given => ({ dtype: 'f32', shape, values: data }))
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
    opCase('global_norm', 'NaN', [floats('x', [3]), replaced(floats('y', [9]), { 8: NaN })]),
    opCase('global_norm', 'Infinity', [floats('x', [3]), replaced(floats('y', [9]), { 8: -inf })]),
  ]
}
