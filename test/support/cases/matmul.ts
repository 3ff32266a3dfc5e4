// matmul, batched_matmul, linear and matmul_accumulate: every transpose, and sizes around those of
// vectors, tiles, blocks and tasks.

import type { Shape } from '../../../lib/graph/dtype'
import { type Case, type CaseOptions, opCase } from '../case'
import { Numbers } from '../numeric'
import { edges, floats, replaced } from './values'

interface Sizes {
  M: number
  K: number
  N: number
}

const transposes = [
  { transpose_a: false, transpose_b: false },
  { transpose_a: false, transpose_b: true },
  { transpose_a: true, transpose_b: false },
  { transpose_a: true, transpose_b: true },
]

/** 384 terms are summed in registers at once. */
const depths = [...edges, 127, 128, 383, 384, 385, 767, 768, 769]

export function matmulCases(): Case[] {
  const sizes: Sizes[] = [
    ...edges.map((M) => ({ M, K: 9, N: 17 })),
    ...edges.map((N) => ({ M: 7, K: 5, N })),
    ...depths.map((K) => ({ M: 7, K, N: 19 })),
    // Up to four rows are not packed.
    ...[1, 2, 3, 4].flatMap((M) => edges.map((N) => ({ M, K: 11, N }))),
    ...[1, 3, 4].flatMap((M) => depths.map((K) => ({ M, K, N: 5 }))),
    ...random(24),
    // Up to 128 columns and 384 terms only b is packed, and only if its rows aren't whole panels.
    ...[112, 127, 128, 129].map((N) => ({ M: 13, K: 40, N })),
    // A small result with at least 128 terms, twice its sides, is summed in parts of 64 terms or
    // more, up to 4,096 in all.
    ...[127, 128, 129, 192, 193].map((K) => ({ M: 31, K, N: 33 })),
    ...[1024, 1025, 2050, 4095, 4096, 4097].map((K) => ({ M: 7, K, N: 16 })),
    { M: 64, K: 256, N: 128 },
    { M: 65, K: 256, N: 128 },
    { M: 65, K: 385, N: 128 },
  ]
  // Up to 512 rows, strips of 96 columns of b. More rows: many tasks of 144 rows and 384 columns, and
  // blocks of 2048 columns of b, 2²⁰ packed floats. With a transposed: 768 columns of b and 144 rows of a, and parts of at least 384 terms, up to 16.
  const large: Sizes[] = [
    { M: 145, K: 129, N: 130 },
    { M: 301, K: 65, N: 197 },
    { M: 13, K: 521, N: 805 },
    { M: 601, K: 33, N: 48 },
    { M: 513, K: 65, N: 197 },
    { M: 601, K: 401, N: 33 },
    { M: 1, K: 257, N: 1025 },
    { M: 3, K: 300, N: 701 },
    { M: 97, K: 801, N: 130 },
    { M: 33, K: 6500, N: 20 },
  ]
  const huge: Sizes = { M: 513, K: 385, N: 2065 }
  return [
    ...transposes.flatMap((attributes) => distinct(sizes).flatMap((each) => matmul(each, attributes))),
    ...transposes.flatMap((attributes) => large.flatMap((each) => matmul(each, attributes))),
    ...matmul(huge, transposes[0], { large: true }),
    ...distinct([...sizes.slice(0, 60), ...large]).flatMap((each) => linear(each)),
    ...transposes.flatMap((attributes) =>
      distinct([...sizes.slice(0, 60), ...large]).flatMap((each) => matmulAccumulate(each, attributes)),
    ),
    ...batched(),
    ...ranks(),
    ...specials(),
  ]
}

function random(count: number): Sizes[] {
  const numbers = new Numbers('matmul sizes')
  return Array.from({ length: count }, () => ({
    M: numbers.pick(edges),
    K: numbers.pick(depths),
    N: numbers.pick(edges),
  }))
}

function distinct(sizes: Sizes[]): Sizes[] {
  const found = new Map(sizes.map((each) => [`${each.M} ${each.K} ${each.N}`, each]))
  return [...found.values()]
}

type Transposes = (typeof transposes)[number]

const suffix = ({ transpose_a, transpose_b }: Transposes) =>
  `${transpose_a ? ' ta' : ''}${transpose_b ? ' tb' : ''}`
const spell = ({ M, K, N }: Sizes, attributes: Transposes) => `${M}x${K}x${N}${suffix(attributes)}`

function operands({ M, K, N }: Sizes, { transpose_a, transpose_b }: Transposes) {
  const a = floats('a', transpose_a ? [K, M] : [M, K])
  const b = floats('b', transpose_b ? [N, K] : [K, N])
  return [a, b]
}

function matmul(sizes: Sizes, attributes: Transposes, options?: CaseOptions): Case[] {
  return [opCase('matmul', spell(sizes, attributes), operands(sizes, attributes), attributes, options)]
}

function matmulAccumulate(sizes: Sizes, attributes: Transposes): Case[] {
  const inputs = [floats('total', [sizes.M, sizes.N]), ...operands(sizes, attributes)]
  return [opCase('matmul_accumulate', spell(sizes, attributes), inputs, attributes)]
}

function linear({ M, K, N }: Sizes): Case[] {
  const inputs = [floats('x', [M, K]), floats('weight', [N, K]), floats('bias', [N])]
  return [false, true].map((relu) =>
    opCase('linear', `${M}x${K}x${N}${relu ? ' relu' : ''}`, inputs, { relu }),
  )
}

type Shared = 'none' | 'a' | 'b'

/** A batch of matrices of `sizes`, or one matrix that the batch shares. */
function batchedMatmul(batch: Shape, sizes: Sizes, attributes: Transposes, shared: Shared = 'none'): Case {
  const [a, b] = operands(sizes, attributes)
  const inputs = [
    shared === 'a' ? a : floats('batched a', [...batch, ...a.shape]),
    shared === 'b' ? b : floats('batched b', [...batch, ...b.shape]),
  ]
  const name = `[${batch}] ${spell(sizes, attributes)}${shared === 'none' ? '' : `, ${shared} shared`}`
  return opCase('batched_matmul', name, inputs, attributes)
}

function batched(): Case[] {
  const sharings: Shared[] = ['none', 'a', 'b']
  const small: [Shape, Sizes][] = [
    ...[1, 2, 3, 7].map((B): [Shape, Sizes] => [[B], { M: 6, K: 5, N: 17 }]),
    // Tiles of 6 × 16; up to four rows, which are not packed.
    ...edges.map((M): [Shape, Sizes] => [[3], { M, K: 3, N: 9 }]),
    ...edges.map((K): [Shape, Sizes] => [[2], { M: 7, K, N: 5 }]),
    ...edges.map((N): [Shape, Sizes] => [[2], { M: 5, K: 7, N }]),
    ...[1, 17].map((N): [Shape, Sizes] => [[5], { M: 1, K: 1, N }]),
    [[2, 3], { M: 7, K: 8, N: 9 }],
    [[1, 3], { M: 1, K: 17, N: 1 }],
    [[2, 1, 3], { M: 4, K: 5, N: 3 }],
    [[3], { M: 7, K: 257, N: 17 }],
    [[2], { M: 3, K: 513, N: 9 }],
    // Many tasks, from many matrices or from one.
    [[301], { M: 9, K: 31, N: 17 }],
    [[5], { M: 65, K: 127, N: 129 }],
  ]
  // Large enough to split each matrix, and then enough matrices to make that unnecessary.
  const large: [Shape, Sizes][] = [
    [[2], { M: 131, K: 127, N: 130 }],
    [[33], { M: 5, K: 513, N: 821 }],
  ]
  const [none, tb, ta] = transposes
  const square = floats('square', [3, 13, 13])
  const past = [floats('weights', [9, 9]), floats('x', [2, 9, 5])]
  return [
    ...transposes.flatMap((attributes) =>
      small.flatMap(([batch, sizes]) =>
        sharings.map((shared) => batchedMatmul(batch, sizes, attributes, shared)),
      ),
    ),
    ...transposes.map((attributes) => batchedMatmul([], { M: 7, K: 9, N: 17 }, attributes)),
    ...transposes.map((attributes) => batchedMatmul(large[0][0], large[0][1], attributes)),
    batchedMatmul(large[0][0], large[0][1], none, 'a'),
    batchedMatmul(large[0][0], large[0][1], ta, 'b'),
    batchedMatmul(large[1][0], large[1][1], ta, 'b'),
    ...transposes.map((attributes) =>
      opCase('batched_matmul', `one tensor twice${suffix(attributes)}`, [square, square], attributes),
    ),
    opCase('batched_matmul', 'weights of the past', past, none),
    // A NaN or an Infinity affects only its own matrix, and there only its row (of a) or column (of
    // b).
    ...[none, tb, ta].flatMap((attributes) =>
      [Number.NaN, Infinity].flatMap((value) =>
        [3, 7].map((M) => {
          const name = `${value} in one matrix, ${M} rows${suffix(attributes)}`
          const a = floats('a', attributes.transpose_a ? [3, 5, M] : [3, M, 5])
          const b = floats('b', attributes.transpose_b ? [3, 9, 5] : [3, 5, 9])
          const inputs = [replaced(a, { [M * 5 + 3]: value }), replaced(b, { [2 * 45 + 7]: value })]
          return opCase('batched_matmul', name, inputs, attributes)
        }),
      ),
    ),
  ]
}

/** Operands of other ranks, and one tensor as both operands. */
function ranks(): Case[] {
  const [none, tb, ta] = transposes
  const square = floats('square', [13, 13])
  const three: Shape = [2, 3, 5]
  return [
    opCase('matmul', 'rank 3 by 2', [floats('a', three), floats('b', [5, 7])], none),
    opCase('matmul', 'rank 4 by 2 tb', [floats('a', [2, 2, 3, 5]), floats('b', [7, 5])], tb),
    opCase('matmul', 'rank 3 by 3 ta', [floats('a', three), floats('b', [2, 3, 9])], ta),
    opCase('matmul', 'rank 1 by 2', [floats('a', [17]), floats('b', [17, 9])], none),
    opCase('matmul', 'rank 1 by 1 tb', [floats('a', [17]), floats('b', [17])], tb),
    opCase('matmul', 'one tensor twice', [square, square], none),
    opCase('matmul', 'one tensor twice ta', [square, square], ta),
    opCase('linear', 'rank 3', [floats('x', three), floats('w', [7, 5]), floats('b', [7])], { relu: true }),
    opCase('linear', 'rank 1', [floats('x', [5]), floats('w', [7, 5]), floats('b', [7])], { relu: false }),
    opCase(
      'matmul_accumulate',
      'rank 3',
      [floats('t', [2, 3, 7]), floats('a', three), floats('b', [5, 7])],
      none,
    ),
  ]
}

/** A NaN or an Infinity affects only its own row (of a) or column (of b). */
function specials(): Case[] {
  const cases: Case[] = []
  for (const M of [3, 13]) {
    for (const attributes of transposes) {
      const sizes = { M, K: 21, N: 19 }
      const [a, b] = operands(sizes, attributes)
      const inRow2 = attributes.transpose_a ? 4 * M + 2 : 2 * 21 + 4
      const inColumn18 = attributes.transpose_b ? 18 * 21 + 20 : 20 * 19 + 18
      for (const value of [Number.NaN, Infinity]) {
        const name = `${value} in a row and a column, ${spell(sizes, attributes)}`
        const inputs = [replaced(a, { [inRow2]: value }), replaced(b, { [inColumn18]: value })]
        cases.push(opCase('matmul', name, inputs, attributes))
      }
    }
    const [x, weight, bias] = [floats('x', [M, 21]), floats('weight', [19, 21]), floats('bias', [19])]
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      const inputs = [replaced(x, { 43: value }), weight, replaced(bias, { 17: value })]
      cases.push(opCase('linear', `${M} rows, ${value} before relu`, inputs, { relu: true }))
    }
  }
  return cases
}
