// rope: heads and pairs around vector sizes, small and large positions.

import { type Case, type Given, opCase } from '../case'
import { edges, floats, given } from './values'

export function ropeCases(): Case[] {
  const shapes: [B: number, T: number, heads: number, pairs: number][] = [
    ...edges.map((pairs): [number, number, number, number] => [2, 3, 2, pairs]),
    ...edges.map((T): [number, number, number, number] => [2, T, 3, 4]),
    [1, 1, 1, 1],
    [1, 257, 1, 33],
    [3, 67, 5, 16],
    // More channels than a task has elements.
    [2, 2, 1, 2500],
  ]
  const far = [0, 1, 2, 255, 256, 1023, 65535, 65536, 1000003, 2 ** 24 - 2, 2 ** 24 - 1]
  const x = floats('x', [2, far.length, 24])
  const attributes = { heads: 2, base: 10000, inverse: false }
  return [
    ...shapes.flatMap(([B, T, heads, pairs]) => turns([B, T, 2 * heads * pairs], heads)),
    ...[1, 1.5, 100, 5e5, 1e300].map((base) =>
      opCase('rope', `base ${base}`, [x, positions([far.length], far)], { ...attributes, base }),
    ),
    opCase('rope', 'far, backwards', [x, positions([far.length], far)], { ...attributes, inverse: true }),
  ]
}

/** One position per token for all sequences, and one for each; both directions. */
function turns(shape: [number, number, number], heads: number): Case[] {
  const [B, T] = shape
  const x = floats('x', shape)
  const all = positions(
    [T],
    Array.from({ length: T }, (_, t) => 3 * t + 1),
  )
  const each = positions(
    [B, T],
    Array.from({ length: B * T }, (_, i) => (7 * i) % 1024),
  )
  const attributes = { heads, base: 10000 }
  return [
    opCase('rope', `[${shape}] in ${heads}`, [x, all], { ...attributes, inverse: false }),
    opCase('rope', `[${shape}] in ${heads}, each its own`, [x, each], { ...attributes, inverse: true }),
  ]
}

const positions = (shape: number[], values: ArrayLike<number>): Given => given('i32', shape, values)
