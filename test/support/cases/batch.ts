// Ops that look values up: gather_batch, embedding, cache_write, select_row, and cross_entropy and
// sample over a vocabulary.

import type { Shape } from '../../../lib/graph/dtype'
import { crossEntropyOp } from '../../../lib/ops/cross_entropy'
import { type Case, type CaseOptions, type Given, opCase } from '../case'
import {
  double,
  edges,
  floats,
  given,
  index,
  indices,
  integers,
  outputsOf,
  replaced,
  rngs,
  scalar,
} from './values'

const nan = Number.NaN
const inf = Infinity

export function batchCases(): Case[] {
  return [...gathers(), ...embeddings(), ...caches(), ...crossEntropies(), ...samples()]
}

function gathers(): Case[] {
  const corpora = (['u8', 'u16', 'u32'] as const).map((dtype) => ({
    dtype,
    corpus: integers('corpus', [101], dtype === 'u8' ? 256 : 60000, dtype),
  }))
  const cases = corpora.flatMap(({ dtype, corpus }) =>
    [
      [1, 1],
      [1, 7],
      [3, 8],
      [7, 33],
      [2, 100],
    ].map(([B, T]) => {
      const offsets = replaced(integers('offsets', [B], 101 - T, 'u32'), {
        0: 101 - T - 1,
        [B - 1]: B > 1 ? 0 : 101 - T - 1,
      })
      return opCase('gather_batch', `${dtype} ${B}x${T}`, [corpus, offsets], { block_size: T })
    }),
  )
  const long = integers('corpus', [9001], 65536, 'u16')
  return [
    ...cases,
    opCase('gather_batch', 'many tasks', [long, integers('offsets', [70], 9001 - 1000, 'u32')], {
      block_size: 1000,
    }),
  ]
}

function embeddings(): Case[] {
  const sizes: [number, number, number][] = [
    ...edges.map((C): [number, number, number] => [7, 5, C]),
    ...edges.map((count): [number, number, number] => [count, 11, 3]),
    ...edges.map((V): [number, number, number] => [9, V, 9]),
    [1100, 65, 130],
    [301, 5003, 71],
    // Runs of one token that span many pieces of the sorted list, and a vocabulary that needs the
    // sort's third pass.
    [700, 2, 5],
    [700, 1, 4],
    [40, 70001, 1],
    // Rows that several blocks share, and a second pass over tokens that occur more than once.
    [70, 2, 1030],
    [1300, 600, 3],
  ]
  const cases = sizes.flatMap(([count, V, C]) =>
    each(`${count} of ${V}x${C}`, integers('tokens', [count], V), V, C),
  )
  const tokens = given('i32', [2, 3], [4, 0, 4, 4, 2, 0])
  return [
    ...cases,
    ...each('first and last rows', given('i32', [5], [0, 16, 0, 16, 16]), 17, 5),
    ...each('rank 2', tokens, 5, 3),
    ...each('rank 0', index(3), 5, 3),
    opCase('embedding', 'NaN in a row', [tokens, replaced(floats('table', [5, 3]), { 3: nan, 13: inf })]),
    opCase(
      'embedding_backward',
      'NaN in one token',
      [tokens, replaced(floats('dy', [2, 3, 3]), { 13: nan })],
      { vocabulary: 5 },
    ),
  ]
}

function each(name: string, tokens: Given, V: number, C: number): Case[] {
  const dy = floats('dy', [...tokens.shape, C])
  return [
    opCase('embedding', name, [tokens, floats('table', [V, C])]),
    opCase('embedding_backward', name, [tokens, dy], { vocabulary: V }),
    opCase('embedding_accumulate', name, [floats('total', [V, C]), tokens, dy]),
  ]
}

function caches(): Case[] {
  // Slots, positions, rows and channels; the first position of each sequence, and its slot.
  const writes: [number, number, number, number, number[], number[]][] = [
    [1, 1, 1, 1, [0], [0]],
    [1, 8, 1, 5, [7], [0]],
    [2, 9, 3, 7, [0, 0], [0, 1]],
    [2, 9, 3, 7, [6, 2], [1, 0]],
    [2, 9, 3, 8, [6, 2], [1, 0]],
    [3, 17, 17, 3, [0, 0, 0], [2, 0, 1]],
    [5, 33, 8, 65, [13, 0, 25], [4, 2, 0]],
  ]
  return [
    ...writes.map(([R, S, T, C, start, slot]) => {
      const x = floats('x', [start.length, T, C])
      const inputs = [floats('cache', [R, S, C]), x, indices(start), indices(slot)]
      return opCase('cache_write', `${R}x${S}x${C} at ${start} of ${slot}, ${T} rows`, inputs)
    }),
    opCase('positions', 'of one sequence', [index(-3)], { length: 7 }),
    opCase('positions', 'of three sequences', [indices([5, 0, 2 ** 31 - 4])], { length: 4 }),
    ...[1, 5].flatMap((T) =>
      [
        [0, 1],
        [2, 0],
      ].map((slot) => {
        const counts = integers('counts', [3, 11], 3)
        const tokens = integers('tokens', [2, T], 11)
        return opCase('count_tokens', `${T} tokens of slots ${slot}`, [counts, tokens, indices(slot)])
      }),
    ),
    opCase('count_tokens', 'both sequences in one slot', [
      integers('counts', [2, 5], 3),
      given('i32', [2, 3], [4, 4, 0, 4, 1, 0]),
      indices([1, 1]),
    ]),
    opCase('count_tokens', 'no more than i32 holds', [
      given('i32', [1, 2], [2 ** 31 - 1, 2 ** 31 - 2]),
      given('i32', [1, 4], [0, 1, 1, 1]),
      indices([0]),
    ]),
    ...[1, 3].flatMap((T) =>
      [0.5, 1, 1.3].map((penalty) => {
        const [logits, counts] = [floats('logits', [2, T, 13], -3, 3), integers('counts', [3, 13], 2)]
        const inputs = [logits, counts, indices([2, 0]), scalar(penalty)]
        return opCase('repetition_penalty', `${penalty}, ${T} rows`, inputs)
      }),
    ),
    opCase('repetition_penalty', 'of 0, infinities and a NaN', [
      given('f32', [1, 2, 3], [0, inf, -inf, -0, nan, 1]),
      given('i32', [1, 3], [1, 1, 1]),
      indices([0]),
      scalar(1.5),
    ]),
    ...[
      [1, 1, 1, 0],
      [1, 7, 5, 6],
      [3, 5, 9, 0],
      [3, 5, 9, 2],
      [3, 5, 8, 2],
      [2, 33, 65, 32],
    ].map(([B, T, C, row]) =>
      opCase('select_row', `row ${row} of ${B}x${T}x${C}`, [floats('x', [B, T, C]), index(row)]),
    ),
    ...slices(),
  ]
}

function slices(): Case[] {
  const sizes: [Shape, number[]][] = [
    [[1, 1, 1], [1]],
    [
      [3, 7, 5],
      [2, 4, 1],
    ],
    [[3, 7, 8], [7]],
    [
      [2, 33, 65],
      [1, 32],
    ],
    [
      [5, 3, 2, 6],
      [1, 1, 1],
    ],
    [
      [2, 6],
      [1, 3, 2],
    ],
    [
      [2, 70001],
      [40000, 30001],
    ],
  ]
  return sizes.flatMap(([shape, counts]) =>
    [floats, (name: string, size: Shape) => integers(name, size, 1000)].flatMap((values) => {
      const part = (count: number, i: number) => values(`x${i}`, [shape[0], count, ...shape.slice(2)])
      const whole = values('x', shape)
      const name = `${whole.dtype} [${shape}]`
      return [
        ...counts.map((count, i) => {
          const begin = counts.slice(0, i).reduce((sum, each) => sum + each, 0)
          return opCase('slice_positions', `${begin} and ${count} of ${name}`, [whole], { begin, count })
        }),
        opCase('concat_positions', `${counts} to ${name}`, counts.map(part)),
      ]
    }),
  )
}

function crossEntropies(): Case[] {
  const sizes: [number, number][] = [
    ...edges.map((V): [number, number] => [3, V]),
    ...edges.map((rows): [number, number] => [rows, 11]),
    [5, 257],
    [2, 1003],
    [1100, 65],
    [3, 40009],
    [131107, 2], // so many that a GPU thread has two
  ]
  const [logits, targets] = [floats('x', [5, 13], -3, 3), given('i32', [5], [0, 12, 6, 3, 11])]
  const constant = given('f32', [5, 13], new Float32Array(65).fill(1.25))
  const scaled = (factor: number) => ({
    ...logits,
    values: (logits.values as Float32Array).map((x) => x * factor),
  })
  // Where one probability is nearly 1, p − 1 has few digits: its error is bounded relative to 1,
  // not to itself.
  const cancels = { nmse: inf }
  return [
    ...sizes.flatMap(([rows, V]) =>
      losses(`${rows}x${V}`, floats('x', [rows, V], -3, 3), integers('targets', [rows], V)),
    ),
    ...losses('rank 3', floats('x', [2, 3, 5]), given('i32', [2, 3], [0, 1, 2, 3, 4, 0])),
    ...losses('rank 1', floats('x', [7]), index(6)),
    ...losses('all equal', constant, targets),
    ...losses('all 0', scaled(0), targets),
    ...losses('up to 1e4', scaled(1e4), targets, cancels),
    ...losses('tiny', scaled(1e-6), targets),
    ...losses(
      'all near 1e4',
      given(
        'f32',
        [5, 13],
        scaled(1).values.map((x) => 1e4 + x),
      ),
      targets,
      cancels,
    ),
    ...losses(
      'all near -1e4',
      given(
        'f32',
        [5, 13],
        scaled(1).values.map((x) => x - 1e4),
      ),
      targets,
      cancels,
    ),
    ...losses('one far above', replaced(logits, { 0: 90, 25: 200, 27: 1e4, 50: 3e38 }), targets, cancels),
    ...losses('-Infinity is no choice', replaced(logits, { 1: -inf, 24: -inf, 64: -inf }), targets),
    ...losses('NaN in one row', replaced(logits, { 30: nan }), targets),
    ...losses('Infinity in one row', replaced(logits, { 30: inf }), targets),
  ]
}

function losses(name: string, logits: Given, targets: Given, options?: CaseOptions): Case[] {
  const [, lse] = outputsOf(crossEntropyOp, [logits, targets], {})
  const backward = [logits, targets, lse, scalar(0.7)]
  return [
    opCase('cross_entropy', name, [logits, targets], {}, options),
    opCase('cross_entropy_backward', name, backward, {}, options),
  ]
}

function samples(): Case[] {
  const site = 0x1234567
  const choose = (
    name: string,
    logits: Given,
    how: { temperature?: number; topK?: number; topP?: number; minP?: number },
    key = rngs(logits.shape.slice(0, -1)),
  ) => {
    const { temperature = 1, topK = 0, topP = 1, minP = 0 } = how
    const inputs = [logits, scalar(temperature), index(topK), double(topP), double(minP), key]
    return opCase('sample', name, inputs, { site })
  }
  const draw = (name: string, logits: Given, temperature: number, topK: number, key?: Given) =>
    choose(name, logits, { temperature, topK }, key)
  const ties = given('f32', [3, 7], [1, 3, 3, 2, 3, 0, 3, -1, -1, -1, -1, -1, -1, -1, 0, -0, 0, -0, 5, 5, -5])
  const pairs = (apart: number) => given('f32', [64, 2], Array(64).fill([0, -apart]).flat())
  const zeros = given('f32', [9, 4], Array(9).fill([-0, 0, -0, -3]).flat())
  const logits = floats('x', [9, 31], -4, 4)
  const several = floats('x', [4, 1000], -4, 4)
  const flat = floats('x', [3, 5003], -1, 1)
  const late = replaced(given('f32', [3, 3000], new Float32Array(9000).fill(-inf)), {
    2999: 0,
    5998: 1,
    5999: 0,
    8999: -3,
  })
  return [
    ...edges.map((V) => draw(`5x${V}`, floats('x', [5, V], -3, 3), 0.8, 0)),
    ...edges.map((V) => draw(`5x${V} greedy`, floats('x', [5, V], -3, 3), 0, 0)),
    ...[1, 2, 3, 5, 17, 30, 31, 32, 1000].map((topK) => draw(`top ${topK} of 31`, logits, 1.3, topK)),
    ...[0.01, 0.1, 0.5, 1, 2, 100].map((temperature) =>
      draw(`temperature ${temperature}`, logits, temperature, 0),
    ),
    ...Array.from({ length: 12 }, (_, i) =>
      draw(`draw ${i}`, logits, 1, 7, rngs([9], i, 2 ** 32 - 1 - i, i * i)),
    ),
    ...[0, 1, 2, 3, 4, 5, 6].map((topK) => draw(`ties, top ${topK}`, ties, 1, topK)),
    draw('zeros of both signs, top 1', zeros, 1, 1),
    ...[1e-6, 0.1, 0.5, 0.9, 0.999, 1].map((topP) => choose(`top p ${topP}`, logits, { topP })),
    ...[1e-6, 0.01, 0.1, 0.5, 1].map((minP) => choose(`min p ${minP}`, logits, { minP })),
    ...[0.3, 0.8].map((topP) => choose(`ties, top p ${topP}`, ties, { topP })),
    choose('ties, min p 1', ties, { minP: 1 }),
    choose('zeros of both signs, top p 0.1', zeros, { topP: 0.1 }),
    choose('top 5, top p 0.7 and min p 0.2 together', logits, { topK: 5, topP: 0.7, minP: 0.2 }),
    choose('top p 0.5, hot', logits, { temperature: 3, topP: 0.5 }),
    choose('top p 0.5, cold', logits, { temperature: 0.2, topP: 0.5 }),
    choose('top p 0.9 of a large vocabulary', floats('x', [2, 10007], -3, 3), { topP: 0.9 }),
    // exp(-1.3862943649) is 0.2499999990, and the first token's share 0.8000000006, which is above
    // 0.8 rounded to f32.
    choose('top p 0.8 of just more', pairs(1.3862943611198906), { topP: 0.8 }),
    // exp(-0.2231435478) is 0.8000000028, which is above 0.8 rounded to f32.
    choose('min p 0.8 of just more', pairs(0.2231435478), { minP: 0.8 }),
    choose('all equal, top p 0.5', given('f32', [5, 7], new Float32Array(35).fill(2)), { topP: 0.5 }),
    draw('ties, greedy', ties, 0, 0),
    draw('ties of a large vocabulary, greedy', given('f32', [2, 1500], new Float32Array(3000).fill(2)), 0, 0),
    draw('rank 1', floats('x', [13]), 1, 0),
    draw('rank 3', floats('x', [2, 3, 13]), 1, 4),
    draw('a large vocabulary', floats('x', [2, 10007], -3, 3), 1, 40),
    // Several groups and chunks of a row, the last ones partial.
    ...[1, 15, 16, 17, 500, 999].map((topK) => draw(`top ${topK} of 1000`, several, 1.3, topK)),
    ...[0.01, 0.5, 0.9, 0.9999].map((topP) => choose(`top p ${topP} of 1000`, several, { topP })),
    choose('top p 0.7 of the top 20 of 1000', several, { topP: 0.7, topK: 20 }),
    choose('top p 0.9 of 5003, cold', floats('x', [3, 5003], -8, 8), { topP: 0.9, temperature: 0.3 }),
    choose('top p 0.6 of 5003, hot', floats('x', [3, 5003], -8, 8), { topP: 0.6, temperature: 5 }),
    choose('top p 0.9 and min p 0.4 of 5003', floats('x', [3, 5003], -8, 8), { topP: 0.9, minP: 0.4 }),
    choose('min p 0.05 of 5003', floats('x', [3, 5003], -8, 8), { minP: 0.05 }),
    ...Array.from({ length: 8 }, (_, i) => draw(`draw ${i} of 5003`, flat, 1, 0, rngs([3], i, i, i))),
    draw('5003, greedy', floats('x', [3, 5003], -8, 8), 0, 0),
    draw('the largest is last', replaced(floats('x', [1, 1029]), { 1028: 5 }), 0.1, 1),
    draw('the choices are in the last chunk', late, 1, 0),
    draw('the choices are in two chunks', replaced(late, { 3: 0 }), 1, 0),
    draw('ties in several groups, top 3', replaced(several, { 70: 9, 500: 9, 990: 9, 999: 9 }), 1, 3),
    choose('ties in several groups, top p 0.5', replaced(late, { 3: 0, 900: 0 }), { topP: 0.5 }),
    draw("GPT-2's vocabulary", floats('x', [1, 50257], -6, 6), 0.8, 0),
    choose("GPT-2's vocabulary, top 40 and top p 0.95", floats('x', [1, 50257], -6, 6), {
      topK: 40,
      topP: 0.95,
    }),
    draw('up to 1e4', floats('x', [5, 31], -1e4, 1e4), 1, 0),
    draw('all equal', given('f32', [9, 31], new Float32Array(279).fill(-3)), 1, 0),
    draw(
      '-Infinity is no choice',
      given('f32', [2, 5], [-inf, -inf, 1, -inf, -inf, 0, -inf, 2, -inf, 1]),
      1,
      3,
    ),
    draw('one choice', given('f32', [2, 3], [-inf, -inf, 1, 0, -inf, -inf]), 0.5, 0),
    draw('Infinity is the choice', given('f32', [2, 3], [0, inf, 1, inf, 2, inf]), 1, 2),
    draw('Infinity, greedy', given('f32', [1, 3], [0, inf, 1]), 0, 0),
  ]
}
