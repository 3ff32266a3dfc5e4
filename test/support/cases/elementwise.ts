// fill, copy, add, sum_leading, activations, dropout, accumulate, zero, and their gradients and fusions.

import type { Shape } from '../../../lib/graph/dtype'
import { softCapOp } from '../../../lib/ops/soft_cap'
import { type Case, type Given, opCase } from '../case'
import { edges, floats, given, index, integers, outputsOf, replaced, rng, scalar } from './values'

/** Masks are processed in pieces of 512. */
const sizes = [...edges, 257, 511, 512, 513, 1025]
/** A task has 32,768 elements (or 131,072). */
const large = [32767, 32768, 32769, 70001]

const nan = Number.NaN
const inf = Infinity

export function elementwiseCases(): Case[] {
  return [
    ...sizes.flatMap((n) => perSize([n])),
    ...large.flatMap((n) => perSize([n])),
    ...perSize([]),
    ...perSize([2, 3, 5]),
    ...fills(),
    ...copies(),
    ...adds(),
    ...sums(),
    ...specials(),
    ...activations(),
    ...dropouts(),
    ...scalars(),
    ...scales(),
    ...lerps(),
  ]
}

function perSize(shape: Shape): Case[] {
  const name = `[${shape}]`
  const [a, b] = [floats('a', shape), floats('b', shape)]
  const mask = { p: 0.3, site: 0x9abcdef0 }
  return [
    opCase('add', name, [a, b]),
    opCase('accumulate', name, [a, b]),
    opCase('relu', name, [a]),
    opCase('relu_backward', name, [a, b]),
    ...activationCases(name, floats('a', shape, -6, 6), b, floats('c', shape)),
    opCase('dropout', name, [a, rng()], mask),
    opCase('dropout_add', name, [a, rng(), b], mask),
    opCase('zero', name, [a]),
  ]
}

function scales(): Case[] {
  const shapes: Shape[] = [[], [1], [5], [17], [2, 3, 5], [140003]]
  return shapes.map((shape) => opCase('scale', `[${shape}]`, [floats('x', shape)], { factor: -1.7 }))
}

function lerps(): Case[] {
  const shapes: Shape[] = [[], [1], [5], [2, 3, 5], [33001]]
  return shapes.flatMap((shape) =>
    [0, 0.3, 1].map((weight) =>
      opCase('lerp', `${weight} of [${shape}]`, [floats('a', shape), floats('b', shape)], { weight }),
    ),
  )
}

function fills(): Case[] {
  const shapes: Shape[] = [[], [1], [7], [3, 5], [65], [140003]]
  return shapes.flatMap((shape) => [
    opCase('fill', `[${shape}]`, [], { value: -1.5 }, { outputs: [{ dtype: 'f32', shape }] }),
    opCase('fill', `i32 [${shape}]`, [], { value: -7 }, { outputs: [{ dtype: 'i32', shape }] }),
  ])
}

function copies(): Case[] {
  const shapes: Shape[] = [[], [1], [13], [3, 5, 7]]
  return [
    ...shapes.flatMap((shape) => [
      opCase('copy', `f32 [${shape}]`, [floats('x', shape)]),
      opCase('copy', `i32 [${shape}]`, [integers('x', shape, 1000)]),
      opCase('copy', `u32 [${shape}]`, [integers('x', shape, 2 ** 31, 'u32')]),
      opCase('copy', `u16 [${shape}]`, [integers('x', shape, 65536, 'u16')]),
    ]),
    opCase('copy', 'f32 [140003]', [floats('x', [140003])]),
    opCase('zero', 'three tensors', [floats('x', [7]), floats('y', [3, 33]), floats('z', [])]),
    opCase(
      'zero',
      'hundreds of tensors',
      Array.from({ length: 259 }, (_, i) => floats(`x${i}`, [1 + (i % 7)])),
    ),
    opCase('zero', 'two bytes each', [integers('x', [8203], 65536, 'u16'), integers('y', [3], 9, 'u16')]),
    opCase('zero', 'large tensors', [floats('x', [100003]), floats('y', [50021]), integers('z', [9], 5)]),
  ]
}

function adds(): Case[] {
  const shapes: [Shape, Shape][] = [
    [[3, 5], [5]],
    [[3, 5], []],
    [[7], []],
    [[2, 3, 5], [5]],
    [
      [2, 3, 5],
      [3, 5],
    ],
    [[4, 1], [1]],
    [[1, 9], [9]],
    [[129, 17], [17]],
    [[511, 65], [65]],
    [[3, 23003], [23003]],
    [[33001], []],
  ]
  const same = floats('same', [11])
  return [
    ...shapes.map(([a, b]) => opCase('add', `[${a}] + [${b}]`, [floats('a', a), floats('b', b)])),
    opCase('add', 'one tensor twice', [same, same]),
  ]
}

/** Blocks of 256 rows are summed separately. */
function sums(): Case[] {
  const shapes: [number, number][] = [
    ...edges.map((rows): [number, number] => [rows, 5]),
    ...edges.map((columns): [number, number] => [4, columns]),
    ...[255, 256, 257, 512, 513].flatMap((rows) =>
      [1, 2, 7, 8, 33].map((columns): [number, number] => [rows, columns]),
    ),
    [300, 515],
    [70001, 1],
    [9001, 7],
    [2, 40009],
  ]
  return [
    ...shapes.map(([rows, columns]) =>
      opCase('sum_leading', `[${rows}, ${columns}]`, [floats('x', [rows, columns])], { rank: 1 }),
    ),
    ...[0, 1, 2, 3].map((rank) =>
      opCase('sum_leading', `rank ${rank} of [3, 5, 7]`, [floats('x', [3, 5, 7])], { rank }),
    ),
    opCase('sum_leading', 'rank 0 of []', [floats('x', [])], { rank: 0 }),
    opCase('sum_leading', 'rank 0 of [1000]', [floats('x', [1000])], { rank: 0 }),
    // Large and small terms reveal an order of summation that loses the small ones.
    opCase('sum_leading', 'mixed sizes', [replaced(floats('x', [600, 9]), { 0: 3e4, 4000: -3e4 })], {
      rank: 1,
    }),
    opCase(
      'sum_leading',
      'NaN in one column',
      [replaced(floats('x', [300, 11]), { [200 * 11 + 3]: nan, 4: inf })],
      { rank: 1 },
    ),
  ]
}

function specials(): Case[] {
  const odd = given(
    'f32',
    [19],
    [0, -0, nan, inf, -inf, 1, -1, 1e-45, -1e-45, 1e38, -1e38, 2, -2, nan, 0.5, -0.5, nan, inf, -inf],
  )
  const dy = floats('dy', [19])
  const oddly = replaced(dy, { 0: nan, 1: inf, 5: nan, 6: nan, 7: inf, 14: -inf, 15: inf })
  return [
    opCase('relu', 'NaN, infinities and zeros', [odd]),
    opCase('relu_backward', 'NaN, infinities and zeros in y', [odd, dy]),
    opCase('relu_backward', 'NaN and infinities in dy', [odd, oddly]),
    opCase('add', 'NaN, infinities and zeros', [odd, oddly]),
    opCase('accumulate', 'NaN, infinities and zeros', [odd, oddly]),
    opCase('zero', 'NaN and infinities', [odd]),
    opCase('copy', 'NaN and infinities', [odd]),
    // A dropped element becomes 0, whatever its value.
    opCase('dropout', 'NaN, infinities and zeros', [odd, rng()], { p: 0.5, site: 3 }),
    opCase('dropout_add', 'NaN and infinities dropped', [odd, rng(), dy], { p: 0.5, site: 3 }),
    opCase('dropout_add', 'NaN and infinities in the residual', [dy, rng(), odd], { p: 0.5, site: 3 }),
  ]
}

/** Every activation and its gradient; c is the operand that swiglu's gate scales. */
function activationCases(name: string, a: Given, dy: Given, c: Given, cap = 2.5): Case[] {
  return [
    opCase('relu_squared', name, [a]),
    opCase('relu_squared_backward', name, [a, dy]),
    ...[false, true].flatMap((tanh) => [
      opCase('gelu', tanh ? `${name}, tanh` : name, [a], { tanh }),
      opCase('gelu_backward', tanh ? `${name}, tanh` : name, [a, dy], { tanh }),
    ]),
    opCase('swiglu', name, [a, c]),
    opCase('swiglu_backward', name, [a, c, dy]),
    opCase('soft_cap', name, [a], { cap }),
    opCase('soft_cap_backward', name, [outputsOf(softCapOp, [a], { cap })[0], dy], { cap }),
  ]
}

function activations(): Case[] {
  const n = 1031
  const [b, c] = [floats('b', [n]), floats('c', [n])]
  // Dense points in every range where an approximation changes or ends; values that underflow;
  // values too large to square.
  const ranges: [string, Given][] = [
    ['near 0', floats('near', [n], -0.1, 0.1)],
    ['up to 1', floats('x', [n])],
    ['up to 16', floats('x', [n], -16, 16)],
    ['up to 110', floats('x', [n], -110, 110)],
    ['tiny', floats('x', [n], -1e-15, 1e-15)],
    ['large', floats('x', [n], -1e15, 1e15)],
  ]
  const odd = given('f32', [11], [0, -0, nan, 1e-45, -1e-45, 1e10, -1e10, 0.625, -0.625, nan, 1])
  const endless = given('f32', [9], [inf, -inf, 1, -1, inf, nan, 0.5, -inf, 88])
  const far = given('f32', [5], [1e25, -1e25, 3e38, -3e38, 1])
  const [d, e] = [floats('d', [11]), floats('e', [11])]
  return [
    ...ranges.flatMap(([name, a]) => activationCases(name, a, b, c)),
    ...activationCases('NaN, zeros and far numbers', odd, d, e),
    opCase('relu_squared', 'infinities', [endless]),
    ...[false, true].flatMap((tanh) => [
      opCase('gelu', `squares that overflow, tanh ${tanh}`, [far], { tanh }),
      opCase('gelu_backward', `squares that overflow, tanh ${tanh}`, [far, floats('f', [5])], { tanh }),
    ]),
    opCase('soft_cap', 'infinities', [endless], { cap: 15 }),
    ...[1e-3, 1, 15, 1e4].flatMap((cap) => {
      const x = floats('x', [n], -40, 40)
      return [
        opCase('soft_cap', `cap ${cap}`, [x], { cap }),
        opCase('soft_cap_backward', `cap ${cap}`, [outputsOf(softCapOp, [x], { cap })[0], b], { cap }),
      ]
    }),
  ]
}

function dropouts(): Case[] {
  const x = floats('x', [1031])
  const keys = { zero: rng(0, 0, 0), ones: rng(0xffffffff, 0xffffffff, 0xffffffff), one: rng(1, 0, 2 ** 31) }
  return [
    ...[0, 1e-9, 0.1, 0.2, 0.5, 0.9, 0.999].flatMap((p) => [
      opCase('dropout', `p ${p}`, [x, rng()], { p, site: 0xffffffff }),
      opCase('dropout_add', `p ${p}`, [x, rng(), floats('residual', [1031])], { p, site: 0 }),
    ]),
    ...Object.entries(keys).map(([name, key]) =>
      opCase('dropout', `key ${name}`, [x, key], { p: 0.4, site: 77 }),
    ),
  ]
}

function scalars(): Case[] {
  const norms = [0, 1e-30, 0.5, 0.999999, 1, 1.5, 1e30, inf, nan]
  return [
    ...norms.flatMap((norm) => [
      opCase('clip_scale', `norm ${norm}`, [scalar(norm)], { max_norm: 1 }),
      opCase('clip_scale', `norm ${norm}, max 1e-3`, [scalar(norm)], { max_norm: 1e-3 }),
    ]),
    ...norms.map((norm) =>
      opCase('clip_scale', `norm ${norm}, no clipping`, [scalar(norm)], { max_norm: inf }),
    ),
    ...[0, -2.5, 3e38, 1e-45].map((x) => opCase('require_finite', `${x}`, [scalar(x)])),
    ...edges.map((length) => opCase('positions', `${length}`, [index(0)], { length })),
    opCase('positions', 'from 250', [index(250)], { length: 6 }),
  ]
}
