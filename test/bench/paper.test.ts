// The roofline on paper: the time of ops and steps at a chip's published peak.

import { findStepCases, openTrainer } from '../../lib/bench/cases'
import { chips } from '../../lib/bench/chips'
import { costOfProgram } from '../../lib/bench/cost'
import { benchPaper } from '../../lib/bench/paper'
import { linesOf, titles, totalOf } from '../../lib/bench/report'
import type { BenchOptions, Result } from '../../lib/bench/result'

async function paper(more: Partial<BenchOptions>) {
  const results: Result[] = []
  for await (const each of benchPaper({ paper: 'm2', rounds: 1, threads: 1, ...more })) results.push(each)
  return { ops: results.slice(0, -1), whole: results.at(-1)!, named: named(results) }
}

const named = (results: readonly Result[]) => (name: string) =>
  results.find((each) => each.name.startsWith(`09 ${name}`))!

test('stage 09 on an M2: a product is bound by compute, relu_backward by memory', async () => {
  const { ops, whole, named } = await paper({})
  const elements = 64 * 256 * 384
  const product = named('matmul [64,256,384]·[384,1536]')
  expect(product).toMatchObject({ calls: 6, limit: 'compute', flops: 6 * 2 * elements * 1536 })
  expect(product.ms).toBeCloseTo((1000 * product.flops!) / chips.m2.flopsPerSecond, 9)
  const relu = named('relu_backward')
  expect(relu).toMatchObject({ calls: 6, limit: 'memory', bytes: 6 * 3 * 4 * (4 * elements) })
  expect(relu.ms).toBeCloseTo((1000 * relu.bytes!) / chips.m2.bytesPerSecond, 9)
  const sum = (of: (each: Result) => number) => ops.reduce((total, each) => total + of(each), 0)
  expect(whole).toMatchObject({ name: '09', device: 'm2', batchSize: 64, part: 1, peak: chips.m2 })
  expect(sum(({ ms }) => ms)).toBeCloseTo(whole.ms, 9)
  expect(sum(({ part }) => part!)).toBeCloseTo(1, 9)
  expect(whole.tokensPerSecond).toBeCloseTo((1000 * 64 * 256) / whole.ms, 6)
})

test.each(['f32', 'bf16'] as const)('in %s, the costs are those of a trainer', async (precision) => {
  const options = { precision, device: 'js', batchSize: 2, rounds: 1, threads: 1 }
  const { session, trainer } = await openTrainer(findStepCases(['layer-norm'])[0], options)
  await session.dispose()
  const costs = trainer.programs.map(costOfProgram)
  const { whole } = await paper({ only: ['08'], precision, batchSize: 2 })
  expect(whole).toMatchObject({
    calls: trainer.programs[0].ops.length + trainer.programs[1].ops.length,
    flops: costs[0].flops + costs[1].flops,
    bytes: costs[0].bytes + costs[1].bytes,
  })
})

test('bf16 halves the bytes of a product, not its time, which scales with FLOP/s', async () => {
  const name = 'matmul [64,256,384]·[384,1536]'
  const [f32, bf16, max] = await Promise.all([
    paper({}),
    paper({ precision: 'bf16' }),
    paper({ paper: 'm2-max' }),
  ])
  expect(bf16.named(name).bytes).toBe(f32.named(name).bytes! / 2)
  expect(bf16.named(name).ms).toBe(f32.named(name).ms)
  expect(bf16.whole.ms).toBeLessThan(f32.whole.ms)
  expect(max.named(name).ms).toBeCloseTo((f32.named(name).ms * 3.6) / 13.6, 9)
})

test('the table: intensity and bound of each op, and the total', async () => {
  const { whole, named } = await paper({})
  const plain = { torch: false, baseline: false }
  const [line] = linesOf(named('add [64,256,384]'), plain)
  expect(line).toMatch(/^add \[64,256,384\] +25 +0\.157 +1,863 +0\.1 +memory +18\.63 +[\d.]+%$/)
  expect(titles('paper', plain)).toHaveLength(line.length)
  expect(totalOf(whole)).toMatch(
    /^09: [\d.]+ ms\/step, [\d,]+ tokens\/s at best \(\d+ ops, 1,117 GFLOP, [\d.]+ GB; m2: 3\.6 TFLOP\/s and 100\.0 GB\/s, 36\.0 FLOP\/byte; nothing was measured\)$/,
  )
})
