// attention, with and without a cache, and its gradient.

import { attentionOp } from '../../../lib/ops/attention'
import { type Case, type Given, opCase } from '../case'
import { bf16, edges, floats, indices, outputsOf, replaced, rng } from './values'

interface Sizes {
  B?: number
  T: number
  H?: number
  /** Heads of keys and values. Default: H. */
  G?: number
  D: number
  /**
   * Cached: positions in the cache, and the position of the first query, or one for each sequence.
   */
  S?: number
  start?: number | number[]
  /** Each sequence's slot. Default: the first slots, one per sequence. */
  slot?: number[]
  dropout?: number
}

const nan = Number.NaN
const inf = Infinity

export function attentionCases(): Case[] {
  return [
    ...uncached().flatMap((sizes) => both(spell(sizes), sizes, operands(sizes))),
    ...[...long(), ...cached()].map((sizes) => forward(spell(sizes), sizes, operands(sizes))),
    ...specials(),
    ...inBf16().flatMap((sizes) => bothInBf16(spell(sizes), sizes, operands(sizes))),
    ...[29, 70].flatMap((T) => specialsOf(T, bothInBf16)),
  ]
}

function uncached(): Sizes[] {
  // Tiles: 24 queries × 256 keys forward (separate code for up to 4 queries), 60 × 128 backward, 6
  // × 16 within.
  const lengths = [...edges, 4, 23, 24, 25, 47, 48, 49, 59, 60, 61, 127, 128, 129]
  return [
    ...lengths.map((T) => ({ T, D: 7 })),
    ...edges.map((D) => ({ T: 11, D, H: 2 })),
    ...[1, 3, 25].flatMap((T) => [1, 8, 33].map((D) => ({ B: 2, T, H: 3, D }))),
    ...[1, 2, 5, 17, 63, 64, 65, 129].flatMap((T) =>
      [0.1, 0.5].map((dropout) => ({ B: 2, T, H: 2, D: 5, dropout })),
    ),
    ...[8, 9, 16].map((T) => ({ B: 2, T, H: 2, D: 11, dropout: 0.3 })),
    { T: 257, D: 3, dropout: 0.2 },
    { T: 301, D: 5 },
    // Many heads, some in one task.
    { B: 61, T: 3, H: 2, D: 5 },
    { B: 31, T: 17, H: 4, D: 3, dropout: 0.3 },
    // Key heads that several query heads share: short sequences, tiles, more than one tile, few
    // queries.
    ...[3, 9, 25, 61, 129].flatMap((T) =>
      [
        [2, 1],
        [6, 2],
        [6, 3],
      ].map(([H, G]) => ({ B: 2, T, H, G, D: 5 })),
    ),
    ...[3, 9, 47].map((T) => ({ B: 3, T, H: 4, G: 2, D: 9, dropout: 0.3 })),
    { B: 17, T: 11, H: 8, G: 1, D: 3 },
    // The GPU's tiles are 64 × 32, with 32, 64 and 128 channels. Wider heads are split, and rows
    // that are multiples of 4 have a fast path.
    ...[3, 35, 67].flatMap((T) => [32, 48, 64, 96, 128].map((D) => ({ T, H: 2, D }))),
    ...[127, 129, 130, 260, 300].map((D) => ({ T: 37, D, dropout: 0.2 })),
    { T: 97, H: 6, G: 2, D: 36, dropout: 0.3 },
    { T: 193, H: 2, G: 1, D: 20 },
  ]
}

/** Around blocks of 256 queries, and more than two tiles of keys. */
function long(): Sizes[] {
  return [...[255, 256, 257].map((T) => ({ T, D: 9 })), { T: 521, D: 3 }, { T: 270, H: 2, D: 16 }]
}

function cached(): Sizes[] {
  return [
    ...edges.map((S) => ({ T: 1, S, start: S - 1, D: 7, H: 2 })),
    ...edges.map((S) => ({ T: 1, S, start: 0, D: 7 })),
    ...[2, 4, 5, 9, 25].flatMap((T) => [0, 1, 13].map((start) => ({ B: 2, T, S: 39, start, D: 8, H: 3 }))),
    ...[2, 4, 5, 9, 25].map((T) => ({ T, S: 39, start: 39 - T, D: 17 })),
    ...[1, 3, 7].flatMap((T) => [250, 255, 256, 290].map((start) => ({ T, S: 300, start, D: 9 }))),
    { T: 30, S: 600, start: 500, D: 5 },
    { B: 2, T: 3, S: 19, start: 5, D: 5, H: 2, dropout: 0.4 },
    { B: 2, T: 9, S: 19, start: 5, D: 5, H: 2, dropout: 0.4 },
    { T: 9, S: 85, start: 50, D: 5, H: 2, dropout: 0.4 },
    { B: 61, T: 1, S: 9, start: 5, D: 5, H: 2 },
    // A short cache, which is processed as a whole.
    ...[0, 1, 7].map((start) => ({ B: 2, T: 9, S: 16, start, D: 9, H: 2 })),
    { T: 5, S: 11, start: 3, D: 8, H: 3, dropout: 0.4 },
    // Each sequence at its own position, with slots in any order, some of them unused.
    ...[1, 3, 9, 30].flatMap((T) =>
      [1, 2].map((share) => ({
        B: 3,
        T,
        S: 41,
        start: [11, 0, 41 - T],
        slot: [4, 1, 3],
        H: 4,
        G: 4 / share,
        D: 7,
      })),
    ),
    { B: 2, T: 5, S: 13, start: [7, 2], slot: [1, 0], H: 2, D: 5, dropout: 0.4 },
    // Few queries on long caches, whose keys a GPU splits among blocks; head sizes that this
    // supports, and one too wide.
    ...[1, 2].flatMap((T) =>
      [32, 60, 128, 129].map((D) => ({ B: 2, T, S: 700, start: [690, 130], slot: [2, 0], H: 4, G: 2, D })),
    ),
    { B: 2, T: 1, S: 400, start: [399, 0], slot: [0, 1], H: 2, D: 64, dropout: 0.3 },
    { T: 70, S: 300, start: 201, H: 2, D: 64, dropout: 0.2 },
    { T: 70, S: 300, start: 230, H: 2, G: 1, D: 132 },
  ]
}

/**
 * Tensor cores: tiles of 64 or 128 × 64 or 32, with 32, 64 and 128 channels. Rows that are
 * multiples of 8 have a fast path; wider heads use another kernel.
 */
function inBf16(): Sizes[] {
  return [
    ...[1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129].map((T) => ({ T, D: 8 })),
    ...edges.map((D) => ({ T: 11, D, H: 2 })),
    ...[5, 16, 32, 48, 64, 96, 128].map((D) => ({ T: 67, D, H: 2, dropout: 0.3 })),
    ...[127, 129, 260].map((D) => ({ T: 37, D, dropout: 0.2 })),
    ...[3, 65, 130].map((T) => ({ B: 2, T, H: 2, D: 5, dropout: 0.5 })),
    ...[9, 67, 130].map((T) => ({ B: 2, T, H: 6, G: 2, D: 8 })),
    ...[36, 40].map((D) => ({ T: 97, H: 4, G: 2, D, dropout: 0.3 })),
    // More than two tiles, which reuse each other's memory.
    ...[8, 56, 104].map((D) => ({ T: 290, D })),
    { T: 530, D: 8 },
  ]
}

interface Operands {
  q: Given
  k: Given
  v: Given
  scale?: number
}

function operands({ B = 1, T, H = 1, G = H, D, S = T, slot }: Sizes): Operands {
  const keys = [slot ? Math.max(...slot) + 2 : B, S, G * D]
  return { q: floats('q', [B, T, H * D], -2, 2), k: floats('k', keys, -2, 2), v: floats('v', keys) }
}

function spell({ B = 1, T, H = 1, G = H, D, S, start, slot, dropout }: Sizes): string {
  const heads = G === H ? `${H}` : `${H} on ${G}`
  const cache = S ? ` at ${start} of ${S}${slot ? ` in ${slot}` : ''}` : ''
  return `${B}x${T}x${heads}x${D}${cache}${dropout ? ` dropout ${dropout}` : ''}`
}

const site = 0xdeadbeef

function callOf({ B = 1, H = 1, G = H, D, S, start, slot, dropout = 0 }: Sizes, given: Operands) {
  const { q, k, v, scale } = given
  const starts = Array.from({ length: B }, (_, b) => (typeof start === 'number' ? start : start?.[b]) ?? 0)
  const places = S ? [indices(starts), indices(slot ?? starts.map((_, b) => b))] : []
  const inputs = [q, k, v, ...places, ...(dropout > 0 ? [rng()] : [])]
  return {
    inputs,
    attributes: { heads: H, kv_heads: G, scale: scale ?? 1 / Math.sqrt(D), dropout, site, cached: !!S },
  }
}

function forward(name: string, sizes: Sizes, given: Operands, nmse?: number): Case {
  const { inputs, attributes } = callOf(sizes, given)
  // A score that sums more than 128 products, each up to 4, has an error that appears in every
  // channel of a row through its weight.
  const rowNmse = nmse ?? (sizes.D > 128 ? 1e-11 : undefined)
  return opCase('attention', name, inputs, attributes, { nmse, rowNmse })
}

/** The forward case, and the gradient's case on the forward's rounded results. */
function both(name: string, sizes: Sizes, given: Operands, nmse?: number): Case[] {
  const { inputs, attributes } = callOf(sizes, given)
  const [y, lse] = outputsOf(attentionOp, inputs, attributes)
  const { cached, ...rest } = attributes
  // The gradient of a score is a difference of two sums, which nearly cancel in early rows, where
  // few keys are visible.
  const limits = nmse ? { nmse } : { nmse: 1e-11, rowNmse: 1e-8 }
  const backward = [given.q, given.k, given.v, y, lse, floats('dy', given.q.shape), ...inputs.slice(3)]
  return [forward(name, sizes, given, nmse), opCase('attention_backward', name, backward, rest, limits)]
}

/**
 * Both cases with all tensors but lse in bf16. An element has its own rounding error and that of
 * the weights in its sum, each 2⁻⁸ relative; more where terms nearly cancel. In a short row the
 * error can be four times as large.
 */
function bothInBf16(name: string, sizes: Sizes, given: Operands, nmse = 2 ** -14): Case[] {
  const halves = new Map([given.q, given.k, given.v].map((operand) => [operand, bf16(operand)]))
  const [q, k, v] = [given.q, given.k, given.v].map((operand) => halves.get(operand)!)
  const { inputs, attributes } = callOf(sizes, { ...given, q, k, v })
  const [y, lse] = outputsOf(attentionOp, inputs, attributes)
  const { cached, ...rest } = attributes
  const backward = [q, k, v, bf16(y), lse, bf16(floats('dy', q.shape)), ...inputs.slice(3)]
  const limits = { nmse, rowNmse: 16 * nmse }
  return [
    opCase('attention', `bf16 ${name}`, inputs, attributes, { bf16: [0], ...limits }),
    opCase('attention_backward', `bf16 ${name}`, backward, rest, { bf16: [0, 1, 2], ...limits }),
  ]
}

/** In tiles, and in sequences short enough to be processed as a whole. */
function specials(): Case[] {
  return [
    ...specialsOf(29, both),
    ...specialsOf(13, both),
    ...[5, 80, 200].map(growing),
    ...hidden(29),
    ...hidden(13),
    ...fewQueries(),
  ]
}

/**
 * Each tile's scores are far above those before it, so that the partial sums must be scaled down.
 */
function growing(D: number): Case {
  const sizes: Sizes = { T: 70, H: 2, D }
  const { q, k, v } = operands(sizes)
  const values = (k.values as Float32Array).map((x, i) => x * (8 + Math.floor(i / (2 * D))))
  return forward(`scores that grow, D ${D}`, sizes, { q, k: { ...k, values }, v }, inf)
}

function specialsOf(
  T: number,
  both: (name: string, sizes: Sizes, given: Operands, nmse?: number) => Case[],
): Case[] {
  const sizes: Sizes = { B: 2, T, H: 2, D: 5 }
  const given = operands(sizes)
  const same = floats('x', [2, T, 10])
  const filled = (operand: Given, value: number) => ({
    ...operand,
    values: new Float32Array(operand.values.length).fill(value),
  })
  const scaled = (operand: Given, by: number) => ({
    ...operand,
    values: (operand.values as Float32Array).map((x) => x * by),
  })
  const at = (b: number, t: number, c: number) => (b * T + t) * 10 + c
  // Scores in the thousands have few digits after the point. The bounds account for that, the NMSE
  // does not.
  const coarse = inf
  const cases = [
    ...both('one tensor as q, k and v', sizes, { q: same, k: same, v: same }),
    ...both('all scores equal', sizes, { ...given, q: filled(given.q, 0) }),
    ...both(
      'all equal',
      sizes,
      { q: filled(given.q, 0.3), k: filled(given.k, -0.7), v: filled(given.v, 1.1) },
      inf,
    ),
    ...both('large scores', sizes, { ...given, q: scaled(given.q, 100), k: scaled(given.k, 100) }, coarse),
    ...both('one score far above', sizes, { ...given, k: replaced(given.k, { [at(0, 9, 2)]: 1e4 }) }, coarse),
    ...both('scale 3', sizes, { ...given, scale: 3 }),
    ...both('scale -0.5', sizes, { ...given, scale: -0.5 }),
    ...both('scale 0', sizes, { ...given, scale: 0 }),
  ]
  // A NaN affects only the rows that see it, in its own batch and head.
  for (const value of [nan, inf]) {
    const query = (t: number) => ({ ...given, q: replaced(given.q, { [at(1, t, 7)]: value }) })
    cases.push(both(`${value} in a query`, sizes, query(T >> 1))[0])
    // The last query sees every key. For an earlier query, a kernel may multiply the NaN of a later
    // key by the weight 0.
    cases.push(...both(`${value} in the last query`, sizes, query(T - 1)))
    cases.push(
      ...both(`${value} in the first key`, sizes, {
        ...given,
        k: replaced(given.k, { [at(0, 0, 7)]: value }),
      }),
    )
    cases.push(
      ...both(`${value} in the first value`, sizes, {
        ...given,
        v: replaced(given.v, { [at(1, 0, 2)]: value }),
      }),
    )
  }
  // A key after the query has no weight, however large it is.
  const ahead = { [at(0, T - 1, 0)]: 1e30, [at(1, T - 1, 7)]: -1e30, [at(1, T - 1, 3)]: 1e30 }
  cases.push(...both('1e30 in the last value', sizes, { ...given, v: replaced(given.v, ahead) }, inf))
  cases.push(
    ...both('1e4 in the last key', sizes, { ...given, k: replaced(given.k, scaledTo(ahead, 1e4)) }, coarse),
  )
  return cases.map((it) => ({ ...it, name: `${it.name}, T ${T}` }))
}

/** Cache contents after the last query are never read. */
function hidden(T: number): Case[] {
  const cases: Case[] = []
  for (const value of [nan, inf]) {
    for (const queries of [3, 8]) {
      const cache = { B: 2, T: queries, S: T, H: 2, D: 5, start: 4 }
      const at = (b: number, t: number, c: number) => (b * T + t) * 10 + c
      const behind = { [at(0, 4 + queries, 0)]: value, [at(1, T - 1, 9)]: value, [at(0, T - 1, 6)]: value }
      const { q, k, v } = operands(cache)
      const name = `${value} behind ${queries} queries in a cache of ${T}, T ${T}`
      cases.push(forward(name, cache, { q, k: replaced(k, behind), v: replaced(v, behind) }))
    }
  }
  return cases
}

function fewQueries(): Case[] {
  const few: Sizes = { B: 2, T: 3, H: 2, D: 5 }
  const { q, k, v } = operands(few)
  return [
    forward('1e30 in the last value, few queries', few, { q, k, v: replaced(v, { 29: 1e30, 59: -1e30 }) }),
    forward('NaN in the last value, few queries', few, { q, k, v: replaced(v, { 29: nan, 59: nan }) }),
    forward('NaN in the last key, few queries', few, { q, k: replaced(k, { 29: nan, 59: nan }), v }),
  ]
}

function scaledTo(elements: Record<number, number>, size: number): Record<number, number> {
  return Object.fromEntries(Object.entries(elements).map(([at, value]) => [at, Math.sign(value) * size]))
}
