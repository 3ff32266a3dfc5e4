// layer_norm, rms_norm, their gradients, and global_norm.

import type { Shape } from '../../../lib/graph/dtype'
import { layerNormOp } from '../../../lib/ops/layer_norm'
import { rmsNormOp } from '../../../lib/ops/rms_norm'
import { type Case, type CaseOptions, type Given, opCase } from '../case'
import { edges, floats, given, outputsOf, replaced } from './values'

const nan = Number.NaN
const inf = Infinity

export function normCases(): Case[] {
  return [...layerNorms(), ...rmsNorms(), ...globalNorms()]
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
    // A GPU has a separate plan for each range of lengths.
    ...[127, 771, 1604, 4099, 8203].map((C): Shape => [5, C]),
    [2, 3, 5],
    [13],
  ]
  const x = floats('x', [5, 13])
  const constant = given('f32', [5, 13], new Float32Array(65).fill(0.7))
  const shifted = (by: number) => ({ ...x, values: (x.values as Float32Array).map((value) => value + by) })
  const scaled = (by: number) => ({ ...x, values: (x.values as Float32Array).map((value) => value * by) })
  // A mean far from 0 leaves few digits after it is subtracted. The bounds account for that, the
  // NMSE does not.
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
    // A single channel has no deviation: its gradient consists of rounding errors.
    opCase(
      'layer_norm_backward',
      name,
      [x, gain, mean, rstd, dy],
      {},
      { ...options, nmse: C <= 2 ? inf : options.nmse },
    ),
  ]
}

/** Groups are completed eight at a time; the gradient sums blocks of them. */
function rmsNorms(): Case[] {
  const shapes: [Shape, number][] = [
    ...edges.map((C): [Shape, number] => [[3, C], 1]),
    ...edges.map((rows): [Shape, number] => [[rows, 11], 1]),
    ...edges.map((size): [Shape, number] => [[5, 3 * size], 3]),
    [[5, 257], 1],
    [[2, 384], 1],
    [[2, 384], 6],
    [[9, 513], 1],
    [[127, 9], 1],
    [[128, 9], 1],
    [[129, 9], 1],
    [[1100, 65], 1],
    [[1100, 65], 5],
    [[35, 3001], 1],
    [[5, 5003], 1],
    ...[127, 771, 1604, 8203].map((C): [Shape, number] => [[5, C], 1]),
    [[40009, 3], 3],
    [[2, 3, 6], 2],
    [[13], 1],
    [[12], 12],
  ]
  const x = floats('x', [5, 14])
  const scaled = (by: number) => ({ ...x, values: (x.values as Float32Array).map((value) => value * by) })
  return [
    ...shapes.flatMap(([shape, groups]) =>
      rms(`[${shape}] in ${groups}`, floats('x', shape, -2, 3), { groups }),
    ),
    ...rms('epsilon 1e-2', x, { epsilon: 1e-2 }),
    ...rms('all 0', scaled(0)),
    ...rms('up to 1e4', scaled(1e4)),
    ...rms('tiny', scaled(1e-4), { groups: 2 }),
    ...rms('tinier', scaled(1e-20)),
    ...rms('NaN in one group', replaced(x, { 30: nan }), { groups: 2 }),
    ...rms('Infinity in one group', replaced(x, { 30: inf, 2: -inf }), { groups: 2 }),
  ]
}

/** With a gain and without. */
function rms(
  name: string,
  x: Given,
  { epsilon = 1e-6, groups = 1, ...options }: CaseOptions & { epsilon?: number; groups?: number } = {},
): Case[] {
  const n = x.shape[x.shape.length - 1] / groups
  const [gain, dy] = [floats('gain', [n], 0.5, 1.5), floats('dy', x.shape)]
  const [, rstd] = outputsOf(rmsNormOp, [x], { groups, epsilon })
  // A single channel has no direction: its gradient consists of rounding errors.
  const backward = { ...options, nmse: n === 1 ? inf : options.nmse }
  return [
    opCase('rms_norm', name, [x, gain], { groups, epsilon }, options),
    opCase('rms_norm', `${name}, no gain`, [x], { groups, epsilon }, options),
    opCase('rms_norm_backward', name, [x, rstd, dy, gain], { groups }, backward),
    opCase('rms_norm_backward', `${name}, no gain`, [x, rstd, dy], { groups }, backward),
  ]
}

/** Tensors are concatenated and cut into chunks of 32,768. */
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
    // More tensors than one GPU launch handles.
    opCase(
      'global_norm',
      'many tensors',
      Array.from({ length: 401 }, (_, i) => floats(`x${i}`, [(i % 7) + 1])),
    ),
    opCase('global_norm', 'one far above', [replaced(floats('x', [1003]), { 1002: 1e15 })]),
    opCase('global_norm', 'tiny', [floats('x', [33], -1e-20, 1e-20)]),
    opCase('global_norm', 'all 0', [given('f32', [9], new Float32Array(9))]),
    opCase('global_norm', 'NaN', [floats('x', [3]), replaced(floats('y', [9]), { 8: nan })]),
    opCase('global_norm', 'Infinity', [floats('x', [3]), replaced(floats('y', [9]), { 8: -inf })]),
  ]
}
