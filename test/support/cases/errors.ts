// Contents that must end a run on every backend: docs/program.md, "The ops".

import { type Case, type Given, opCase } from '../case'
import { double, floats, given, index, indices, integers, replaced, rngs, scalar } from './values'

const nan = Number.NaN
const inf = Infinity

export function errorCases(): Case[] {
  return [...lookups(), ...positions(), ...choices(), ...finite()]
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
