// masked_softmax, its gradient, and tril_mean.

import type { Shape } from '../../../lib/graph/dtype'
import { maskedSoftmaxOp } from '../../../lib/ops/masked_softmax'
import { type Case, type CaseOptions, type Given, opCase } from '../case'
import { edges, floats, given, outputsOf, replaced } from './values'

const nan = Number.NaN
const inf = Infinity

export function softmaxCases(): Case[] {
  return [
    ...shapes().flatMap((shape) => both(`[${shape}]`, floats('x', shape, -3, 3))),
    ...values(),
    ...means(),
  ]
}

function shapes(): Shape[] {
  return [
    ...edges.map((T): Shape => [T, T]),
    // One row, which sees all columns; several rows; and few rows with many columns.
    ...edges.slice(1).map((S): Shape => [1, S]),
    ...edges.map((more): Shape => [5, 5 + more]),
    ...[1, 7, 9].map((T): Shape => [3, T, 17]),
    [2, 3, 5, 5],
    [1, 1, 1],
    [2, 1, 3, 4, 9],
    // Sums process 32 elements at once. A task has 32,768 elements, or a row.
    [2, 129, 129],
    [257, 9, 9],
    [3, 301, 307],
    [2, 3, 40009],
    // A GPU has a separate plan for each range of lengths.
    ...[127, 771, 1604, 3001].map((S): Shape => [2, 3, S]),
  ]
}

interface Options extends CaseOptions {
  scale?: number
  dy?: Given
}

/** The forward case, and the gradient's case on the forward's rounded results. */
function both(name: string, x: Given, { scale = 0.7, dy, ...options }: Options = {}): Case[] {
  const [y] = outputsOf(maskedSoftmaxOp, [x], { scale })
  // The gradient is a difference of two sums, which nearly cancel in early rows, where few columns
  // are visible.
  const limits = { nmse: options.nmse ?? 1e-11, rowNmse: options.nmse ?? 1e-8 }
  return [
    opCase('masked_softmax', name, [x], { scale }, options),
    opCase('masked_softmax_backward', name, [y, dy ?? floats('dy', x.shape)], { scale }, limits),
  ]
}

function values(): Case[] {
  const [T, S] = [11, 13]
  const x = floats('x', [2, T, S], -3, 3)
  const dy = floats('dy', [2, T, S])
  const changed = (by: (value: number) => number) => ({ ...x, values: (x.values as Float32Array).map(by) })
  const at = (b: number, t: number, j: number) => (b * T + t) * S + j
  // Row t sees columns up to t + 2.
  const seen = (value: number) => ({ [at(0, 0, 2)]: value, [at(1, 5, 0)]: value, [at(1, 10, 12)]: value })
  const hidden = (value: number) => ({ [at(0, 0, 3)]: value, [at(1, 5, 8)]: value, [at(1, 9, 12)]: value })
  const nothing = Object.fromEntries([0, 1, 2].map((j) => [at(1, 0, j), -inf]))
  // Where one weight is nearly 1, few digits of the gradient remain.
  const cancels = { nmse: inf }
  return [
    ...[1e-30, 0.1, 1, 3, 1e4].flatMap((scale) => both(`scale ${scale}`, x, { scale, ...cancels })),
    ...both('all equal', given('f32', x.shape, new Float32Array(x.values.length).fill(0.7)), cancels),
    ...both(
      'all 0',
      changed(() => 0),
    ),
    ...both(
      'tiny',
      changed((value) => value * 1e-6),
    ),
    ...both(
      'up to 1e4',
      changed((value) => value * 3e3),
      cancels,
    ),
    ...both(
      'near 1e4',
      changed((value) => value + 1e4),
      cancels,
    ),
    ...both(
      'near -1e4',
      changed((value) => value - 1e4),
      cancels,
    ),
    ...both('the largest numbers', replaced(x, { ...seen(3e38), [at(0, 7, 4)]: -3e38 }), cancels),
    ...both('one far above', replaced(x, seen(90)), cancels),
    ...both('one far above, hidden', replaced(x, hidden(3e38))),
    ...both('-Infinity has no weight', replaced(x, seen(-inf)), cancels),
    ...both('nothing but -Infinity in a row', replaced(x, nothing)),
    ...[nan, inf].flatMap((value) => [
      ...both(`${value} in three rows`, replaced(x, seen(value))),
      ...both(`${value} in dy`, x, { dy: replaced(dy, seen(value)) }),
    ]),
    ...[nan, inf, -inf].flatMap((value) => [
      ...both(`${value} hidden`, replaced(x, hidden(value))),
      ...both(`${value} hidden in dy`, x, { dy: replaced(dy, hidden(value)) }),
    ]),
  ]
}

function means(): Case[] {
  // A task has 32,768 elements, or a row.
  return [...edges, 181, 257].map((length) => opCase('tril_mean', `${length}`, [], { length }))
}
