// Contents that must end a run on every backend: docs/program.md, "The ops".

import type { Shape } from '../../../lib/graph/dtype'
import type { Attributes } from '../../../lib/graph/program'
import { type Case, type Given, opCase } from '../case'
import { double, floats, given, index, indices, integers, replaced, rngs, scalar } from './values'

const nan = Number.NaN
const inf = Infinity

export function errorCases(): Case[] {
  return [...lookups(), ...positions(), ...choices(), ...finite(), ...updates()]
}

function refused(op: string, name: string, inputs: Given[], attributes = {}, error = 'out_of_range'): Case {
  return opCase(op, `refuses ${name}`, inputs, attributes, { error })
}

function lookups(): Case[] {
  const tokens = integers('tokens', [3, 7], 11)
  const [table, dy, logits] = [
    floats('table', [11, 5]),
    floats('dy', [3, 7, 5]),
    floats('logits', [3, 7, 11]),
  ]
  const lse = floats('lse', [3, 7])
  const bad: [string, Given][] = [
    ['-1', replaced(tokens, { 0: -1 })],
    ['the vocabulary', replaced(tokens, { 20: 11 })],
    ['a large token', replaced(tokens, { 8: 2 ** 31 - 1 })],
    ['the lowest token', replaced(tokens, { 20: -(2 ** 31) })],
    // If several are wrong, every device names the same one.
    ['two tokens', replaced(tokens, { 4: 11, 17: -1 })],
  ]
  const corpus = integers('corpus', [20], 100, 'u16')
  const offsets = (...values: number[]) => given('u32', [values.length], values)
  return [
    ...bad.flatMap(([name, wrong]) => [
      refused('embedding', name, [wrong, table]),
      refused('embedding_backward', name, [wrong, dy], { vocabulary: 11 }),
      refused('embedding_accumulate', name, [table, wrong, dy]),
      refused('cross_entropy', name, [logits, wrong]),
      refused('cross_entropy_backward', name, [logits, wrong, lse, scalar(1)]),
    ]),
    refused('gather_batch', 'an offset one too far', [corpus, offsets(0, 15)], { block_size: 5 }),
    refused('gather_batch', 'an offset at the end', [corpus, offsets(20, 3)], { block_size: 5 }),
    refused('gather_batch', 'the largest offset', [corpus, offsets(3, 2 ** 32 - 1)], { block_size: 5 }),
    refused('gather_batch', 'two offsets', [corpus, offsets(0, 15, 3, 20)], { block_size: 5 }),
    refused('gather_batch', 'an offset that wraps', [corpus, offsets(2 ** 32 - 5)], { block_size: 5 }),
  ]
}

function positions(): Case[] {
  const [cache, x, q] = [floats('cache', [2, 9, 6]), floats('x', [2, 3, 6]), floats('q', [2, 3, 6])]
  const attention = { heads: 2, kv_heads: 2, scale: 0.5, dropout: 0, site: 0, cached: true }
  const [places, slots] = [indices([0, 3]), indices([1, 0])]
  const rope = { heads: 1, base: 10000, inverse: false }
  return [
    ...[-1, 7, 9, 2 ** 31 - 1, -(2 ** 31)].flatMap((start) => [
      refused('cache_write', `start ${start}`, [cache, x, indices([0, start]), slots]),
      refused('attention', `start ${start}`, [q, cache, cache, indices([start, 0]), slots], attention),
    ]),
    ...[-1, 2, 2 ** 31 - 1].flatMap((slot) => [
      refused('cache_write', `slot ${slot}`, [cache, x, places, indices([0, slot])]),
      refused('attention', `slot ${slot}`, [q, cache, cache, places, indices([slot, 1])], attention),
      refused('count_tokens', `slot ${slot}`, [
        integers('counts', [2, 5], 3),
        integers('tokens', [2, 3], 5),
        indices([0, slot]),
      ]),
      refused('repetition_penalty', `slot ${slot}`, [
        floats('logits', [2, 1, 5]),
        integers('counts', [2, 5], 3),
        indices([slot, 0]),
        scalar(1.2),
      ]),
    ]),
    refused('cache_write', 'a slot and a start', [cache, x, indices([0, 9]), indices([5, 0])]),
    refused('cache_write', 'a start and its slot', [cache, x, indices([0, -1]), indices([1, -1])]),
    refused(
      'attention',
      'a slot and a start',
      [q, cache, cache, indices([0, 9]), indices([5, 0])],
      attention,
    ),
    refused(
      'attention',
      'a start and its slot',
      [q, cache, cache, indices([0, -1]), indices([1, -1])],
      attention,
    ),
    refused('count_tokens', 'a token and a slot', [
      integers('counts', [2, 5], 3),
      given('i32', [2, 3], [0, 4, 7, 1, -1, 2]),
      indices([0, 2]),
    ]),
    refused('repetition_penalty', 'two slots', [
      floats('logits', [3, 1, 5]),
      integers('counts', [2, 5], 3),
      indices([0, 2, -1]),
      scalar(1.2),
    ]),
    refused('rope', 'two positions', [q, given('i32', [3], [0, 2 ** 24, -1])], rope),
    refused('cache_write', 'two sequences in one slot', [cache, x, places, indices([1, 1])]),
    ...[-1, 5].map((token) =>
      refused('count_tokens', `token ${token}`, [
        integers('counts', [2, 5], 3),
        given('i32', [1, 3], [0, 4, token]),
        indices([1]),
      ]),
    ),
    ...[0, -1, nan, inf].map((penalty) =>
      refused('repetition_penalty', `a penalty of ${penalty}`, [
        floats('logits', [1, 1, 5]),
        integers('counts', [1, 5], 3),
        indices([0]),
        scalar(penalty),
      ]),
    ),
    refused('positions', 'what i32 cannot hold in the last sequence', [indices([0, 2 ** 31 - 3])], {
      length: 4,
    }),
    ...[-1, 3, 2 ** 31 - 1, -(2 ** 31)].map((row) => refused('select_row', `row ${row}`, [x, index(row)])),
    refused('positions', 'what i32 cannot hold', [index(2 ** 31 - 3)], { length: 4 }),
    ...[-1, 2 ** 24, 2 ** 31 - 1, -(2 ** 31)].map((position) =>
      refused('rope', `position ${position}`, [q, given('i32', [3], [0, 1, position])], rope),
    ),
    refused('rope', 'the last position', [q, given('i32', [2, 3], [0, 1, 2, 3, 4, -5])], rope),
    ...[0, -1].map((step) => {
      const tensors = ['p', 'g', 'm', 'v'].map((name) => floats(name, [5]))
      const attributes = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0 }
      return refused('adamw', `step ${step}`, [index(step), scalar(1e-3), scalar(1), ...tensors], attributes)
    }),
  ]
}

function choices(): Case[] {
  const logits = floats('logits', [2, 5])
  const draw = (name: string, x: Given, temperature: number, topK: number, topP = 1, minP = 0) => {
    const how = [scalar(temperature), index(topK), double(topP), double(minP)]
    return refused('sample', name, [x, ...how, rngs([2])], { site: 1 })
  }
  const nothing = { 5: -inf, 6: -inf, 7: -inf, 8: -inf, 9: -inf }
  return [
    draw('a NaN', replaced(logits, { 9: nan }), 1, 0),
    draw('a NaN, greedy', replaced(logits, { 3: nan }), 0, 0),
    ...[64, 131, 199].map((at) =>
      draw(`a NaN at ${at} of 2x100`, replaced(floats('x', [2, 100]), { [at]: nan }), 1, 0),
    ),
    draw('a NaN, top 1', replaced(logits, { 3: nan }), 1, 1),
    draw('all -Infinity', replaced(logits, nothing), 1, 0),
    draw('all -Infinity, greedy', replaced(logits, nothing), 0, 0),
    draw('a negative temperature', logits, -0.5, 0),
    draw('a NaN as temperature', logits, nan, 0),
    draw('Infinity as temperature', logits, inf, 0),
    draw('a negative top_k', logits, 1, -1),
    ...[0, -0.1, 1.1, nan].map((topP) => draw(`top_p ${topP}`, logits, 1, 0, topP)),
    ...[-0.1, 1.1, nan].map((minP) => draw(`min_p ${minP}`, logits, 1, 0, 1, minP)),
  ]
}

function finite(): Case[] {
  return [nan, inf, -inf].map((x) => refused('require_finite', `${x}`, [scalar(x)], {}, 'non_finite'))
}

/** How an update op takes its tensors: those that it writes, in order of its outputs, come first. */
interface Update {
  readonly op: string
  readonly kinds: readonly string[]
  readonly attributes: Attributes
  inputs(tensors: Readonly<Record<string, readonly Given[]>>): Given[]
}

const updateOps: readonly Update[] = [
  {
    op: 'adamw',
    kinds: ['p', 'm', 'v', 'g'],
    attributes: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 },
    inputs: ({ p, g, m, v }) => [index(3), scalar(1e-3), scalar(0.5), ...p, ...g, ...m, ...v],
  },
  {
    op: 'sgd',
    kinds: ['p', 'm', 'g'],
    attributes: { momentum: 0.9, nesterov: true, weight_decay: 0.01 },
    inputs: ({ p, g, m }) => [scalar(0.1), scalar(0.5), ...p, ...g, ...m],
  },
  {
    op: 'muon',
    kinds: ['p', 'm', 'g'],
    attributes: { iterations: 2, weight_decay: 0.1 },
    inputs: ({ p, g, m }) => [scalar(0.02), scalar(0.9), scalar(0.5), ...p, ...g, ...m],
  },
  {
    op: 'ema',
    kinds: ['a', 'p'],
    attributes: {},
    inputs: ({ a, p }) => [scalar(0.99), ...a, ...p],
  },
]

/** Where values are replaced: `element` of tensor number `tensor` of a kind. */
interface Planted {
  readonly kind: string
  readonly tensor: number
  readonly element: number
  readonly value: number
}

/** An update that writes a value that is not finite. Its results are compared all the same. */
function spoiled(
  name: string,
  { op, kinds, attributes, inputs }: Update,
  shapes: readonly Shape[],
  planted: Planted[],
) {
  const tensors = kinds.map((kind) => [
    kind,
    shapes.map((shape, tensor) => {
      const values = floats(`${kind}${tensor}`, shape, kind === 'v' ? 0 : -1, kind === 'v' ? 0.01 : 1)
      const here = planted.filter((it) => it.kind === kind && it.tensor === tensor)
      return replaced(values, Object.fromEntries(here.map(({ element, value }) => [element, value])))
    }),
  ])
  return opCase(op, `refuses ${name}`, inputs(Object.fromEntries(tensors)), attributes, {
    error: 'non_finite',
    written: true,
    ...(op === 'muon' && { nmse: 1e-10 }),
  })
}

/** Sizes around those of vectors and, with the last one, of tasks. */
const spoiledShapes: readonly Shape[] = [
  [7, 1],
  [3, 11],
  [1, 1],
  [64, 65],
]
/** More tensors than one launch of a GPU takes. */
const crowd: readonly Shape[] = Array.from({ length: 201 }, (_, i) => [(i % 7) + 1, 1])

function updates(): Case[] {
  return [...updateOps.flatMap(spoiledUpdates), ...overflows()]
}

function spoiledUpdates(update: Update): Case[] {
  const { kinds } = update
  const [first, ...others] = kinds
  const shapes = spoiledShapes
  const last = shapes.length - 1
  return [
    ...kinds.flatMap((kind) =>
      [nan, inf, -inf].map((value) =>
        spoiled(`${value} in ${kind}`, update, shapes, [{ kind, tensor: 1, element: 32, value }]),
      ),
    ),
    ...[0, 7, 8, 4095, 4096, 4159].map((element) =>
      spoiled(`NaN in element ${element}`, update, shapes, [
        { kind: first, tensor: last, element, value: nan },
      ]),
    ),
    spoiled('NaN in a scalar', update, shapes, [{ kind: others[0], tensor: 2, element: 0, value: nan }]),
    // If several are wrong, every device names the same one.
    spoiled(
      'NaN in every kind',
      update,
      shapes,
      kinds.map((kind, i) => ({ kind, tensor: i % shapes.length, element: 0, value: nan })),
    ),
    spoiled('NaN in two tensors', update, shapes, [
      { kind: first, tensor: 0, element: 6, value: nan },
      { kind: first, tensor: last, element: 4159, value: nan },
    ]),
    spoiled('NaN in tensors of several launches', update, crowd, [
      { kind: first, tensor: 3, element: 0, value: nan },
      { kind: first, tensor: 173, element: 3, value: nan },
      { kind: kinds.at(-2)!, tensor: 100, element: 2, value: nan },
    ]),
  ]
}

/** Updates of finite numbers whose results are too large. */
function overflows(): Case[] {
  const fill = (value: number) => given('f32', [9, 5], new Float32Array(45).fill(value))
  const tensors = { p: fill(1), g: fill(1), m: fill(1), v: fill(1e-8) }
  const of = (
    op: string,
    name: string,
    scalars: Given[],
    change: Partial<typeof tensors>,
    attributes = {},
  ) => {
    const update = updateOps.find((it) => it.op === op)!
    const given = Object.entries({ ...tensors, ...change }).map(([kind, tensor]) => [kind, [tensor]])
    const inputs = update.inputs(Object.fromEntries(given))
    return refused(
      op,
      name,
      [...scalars, ...inputs.slice(scalars.length)],
      { ...update.attributes, ...attributes },
      'non_finite',
    )
  }
  return [
    of('adamw', 'Infinity by a rate of 1e38', [index(3), scalar(1e38)], {}),
    of(
      'adamw',
      'Infinity by decay',
      [index(3), scalar(1e38)],
      { m: fill(0), g: fill(0) },
      { weight_decay: 1e10 },
    ),
    of('adamw', 'Infinity in v by large gradients', [index(3), scalar(1e-3)], { g: fill(1e25) }),
    of('adamw', 'Infinity by a scale', [index(3), scalar(1e-3), scalar(3e38)], { g: fill(1e3) }),
    of('sgd', 'Infinity by a rate of 3e38', [scalar(3e38)], { g: fill(5) }),
    of('sgd', 'Infinity in m by large gradients', [scalar(0.1), scalar(1)], { g: fill(3e38), m: fill(3e38) }),
    of('muon', 'Infinity by decay', [scalar(1e38)], {}, { weight_decay: 1e10 }),
    of('muon', 'Infinity in m by large gradients', [scalar(0.02), scalar(0.9), scalar(1)], {
      g: fill(3e38),
      m: fill(3e38),
    }),
  ]
}
