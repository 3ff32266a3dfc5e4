// The cost of ops: every op has a rule, and the costs of some are checked by hand.

import { costOf, costOfProgram, type OpCall } from '../../lib/bench/cost'
import type { Dtype, Shape } from '../../lib/graph/dtype'
import type { Attributes } from '../../lib/graph/program'
import { opsByName } from '../../lib/ops'
import { parityCases } from '../support/table'

const f32 = (...shape: number[]) => ({ dtype: 'f32' as Dtype, shape: shape as Shape })
const i32 = (...shape: number[]) => ({ dtype: 'i32' as Dtype, shape: shape as Shape })
const call = (inputs: OpCall['inputs'], outputs: OpCall['outputs'], attributes: Attributes = {}): OpCall => ({
  inputs,
  outputs,
  attributes,
})

// Built only once, because this takes seconds.
const table = parityCases()

test.each([...opsByName.keys()])('%s: every parity case has a cost', (op) => {
  const cases = table.filter((each) => each.op === op)
  expect(cases.length).toBeGreaterThan(0)
  for (const { program } of cases) {
    const { flops, bytes } = costOfProgram(program)
    expect(Number.isFinite(flops) && flops >= 0).toBe(true)
    // Every op writes at least one element.
    expect(bytes).toBeGreaterThan(0)
    expect(Number.isFinite(bytes)).toBe(true)
  }
})

test('the error for an op without a cost names the op', () => {
  expect(() => costOf('swish', call([], []))).toThrow(/swish.*cost\.ts/)
  expect(() => costOf('toString', call([], []))).toThrow(/toString/)
})

describe('matrix products: 2·M·N·K in every layout', () => {
  const [M, N, K] = [3, 5, 7]
  const product = { flops: 2 * M * N * K, bytes: 4 * (M * K + K * N + M * N) }

  test.each([
    [f32(M, K), f32(K, N), false, false],
    [f32(K, M), f32(K, N), true, false],
    [f32(M, K), f32(N, K), false, true],
    [f32(K, M), f32(N, K), true, true],
  ])('%#', (a, b, transpose_a, transpose_b) => {
    const attributes = { transpose_a, transpose_b }
    expect(costOf('matmul', call([a, b], [f32(M, N)], attributes))).toEqual(product)
    const batch = (spec: { shape: Shape }) => f32(4, ...spec.shape)
    expect(costOf('batched_matmul', call([batch(a), batch(b)], [f32(4, M, N)], attributes))).toEqual({
      flops: 4 * product.flops,
      bytes: 4 * product.bytes,
    })
    // matmul_accumulate also reads the total, and adds once per element.
    const total = f32(M, N)
    expect(costOf('matmul_accumulate', call([total, a, b], [total], attributes))).toEqual({
      flops: product.flops + M * N,
      bytes: product.bytes + 4 * M * N,
    })
  })

  test('linear: leading dimensions are rows; bias and relu cost one FLOP per output each', () => {
    const inputs = [f32(2, 3, K), f32(N, K), f32(N)]
    const flops = 2 * 6 * N * K
    expect(costOf('linear', call(inputs, [f32(2, 3, N)], { relu: false })).flops).toBe(flops + 6 * N)
    expect(costOf('linear', call(inputs, [f32(2, 3, N)], { relu: true })).flops).toBe(flops + 12 * N)
  })
})

describe('attention', () => {
  const [B, T, H, D] = [2, 4, 3, 5]
  const tensor = f32(B, T, H * D)
  const lse = f32(B, H, T)
  const attributes = { heads: H, dropout: 0, cached: false }

  test('counts only the pairs that the causal mask allows: 10 of 16', () => {
    const { flops, bytes } = costOf('attention', call([tensor, tensor, tensor], [tensor, lse], attributes))
    expect(flops).toBe(B * H * 10 * (2 * D + 2 * D))
    expect(bytes).toBe(4 * (4 * B * T * H * D + B * H * T))
  })

  test('five products in the backward pass, two in the forward pass', () => {
    const forward = costOf('attention', call([tensor, tensor, tensor], [tensor, lse], attributes))
    const inputs = [tensor, tensor, tensor, tensor, lse, tensor]
    const backward = costOf('attention_backward', call(inputs, [tensor, tensor, tensor], attributes))
    expect(backward.flops).toBe(2.5 * forward.flops)
  })

  test('with a KV cache, one query attends to all positions', () => {
    const query = f32(1, 1, H * D)
    const cache = f32(1, 9, H * D)
    const inputs = [query, cache, cache, i32()]
    const { flops } = costOf(
      'attention',
      call(inputs, [query, f32(1, H, 1)], { ...attributes, cached: true }),
    )
    expect(flops).toBe(H * 9 * 4 * D)
  })
})

test('adamw moves 28 bytes per parameter', () => {
  const shapes = [f32(30, 10), f32(10)]
  const inputs = [i32(), f32(), f32(), ...shapes, ...shapes, ...shapes, ...shapes]
  const cost = costOf('adamw', call(inputs, [...shapes, ...shapes, ...shapes]))
  expect(cost).toEqual({ flops: 15 * 310, bytes: 28 * 310 + 12 })
})

test('muon: per iteration, two products of short · short · long and one of short³', () => {
  const shapes = [f32(30, 10), f32(10, 20)]
  const inputs = [f32(), f32(), f32(), ...shapes, ...shapes, ...shapes]
  const { flops, bytes } = costOf('muon', call(inputs, [...shapes, ...shapes], { iterations: 2 }))
  const products = (short: number, long: number) => 2 * short * short * (2 * long + short)
  const rest = (short: number, long: number) => 2 * 3 * short * short + 11 * short * long
  expect(flops).toBe(2 * (products(10, 30) + products(10, 20)) + rest(10, 30) + rest(10, 20))
  expect(bytes).toBe(20 * 500 + 12)
})

test('sgd moves 20 bytes per parameter, ema 12', () => {
  const shapes = [f32(30, 10), f32(10)]
  const inputs = [f32(), f32(), ...shapes, ...shapes, ...shapes]
  expect(costOf('sgd', call(inputs, [...shapes, ...shapes], { nesterov: false }))).toEqual({
    flops: 7 * 310,
    bytes: 20 * 310 + 8,
  })
  expect(costOf('ema', call([f32(), ...shapes, ...shapes], shapes))).toEqual({
    flops: 3 * 310,
    bytes: 12 * 310 + 4,
  })
})

test('only the rows and tokens that are needed count as read; zero only writes', () => {
  const corpus = { dtype: 'u16' as Dtype, shape: [1_000_000] }
  const gathered = call([corpus, { dtype: 'u32', shape: [2] }], [i32(2, 8), i32(2, 8)])
  expect(costOf('gather_batch', gathered).bytes).toBe(2 * 4 + 16 * 2 + 2 * 16 * 4)
  expect(costOf('embedding', call([i32(4), f32(1000, 8)], [f32(4, 8)])).bytes).toBe(16 + 128 + 128)
  expect(costOf('embedding', call([i32(100), f32(2, 8)], [f32(100, 8)])).bytes).toBe(400 + 64 + 3200)
  expect(costOf('zero', call([f32(10), f32(5)], [f32(10), f32(5)])).bytes).toBe(60)
  expect(costOf('accumulate', call([f32(10), f32(10)], [f32(10)]))).toEqual({ flops: 10, bytes: 120 })
  expect(costOf('cache_write', call([f32(1, 64, 8), f32(1, 2, 8), i32()], [f32(1, 64, 8)])).bytes).toBe(128)
})
