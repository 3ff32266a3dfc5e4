// Programs of other precisions than f32: cast; products in tf32; and each op that may have bf16 tensors, with some of them.

import type { Shape } from '../../../lib/graph/dtype'
import { type Case, opCase } from '../case'
import { bf16, edges, floats, given } from './values'

export function precisionCases(): Case[] {
  return [...casts()]
}

function casts(): Case[] {
  const shapes: Shape[] = [...edges.map((n) => [n]), [513], [3, 5, 7], [70001]]
  // Ties, subnormals, what rounds to infinity, and what isn't a number.
  const special = [
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    -(1 + 2 ** -8),
    1 + 2 ** -8 + 2 ** -20,
    2 ** -149,
    2 ** -126,
    -0,
  ]
  const limits = [3.4028235e38, -3.4028235e38, 3.3961775e38, Infinity, -Infinity, Number.NaN]
  const values = given('f32', [special.length + limits.length], [...special, ...limits])
  return [
    ...shapes.flatMap((shape) => {
      const x = floats('x', shape)
      return [
        opCase('cast', `f32 to bf16 [${shape}]`, [x], {}, { bf16: [0] }),
        opCase('cast', `bf16 to f32 [${shape}]`, [bf16(x)]),
      ]
    }),
    opCase('cast', 'values at the limits', [values], {}, { bf16: [0] }),
    opCase('cast', 'values at the limits, back', [bf16(values)]),
  ]
}
