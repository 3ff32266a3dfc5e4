// Programs of a single op for benchmarks: the ops they run and the dtypes of their operands.

import { JsSession } from '../../lib/backend/js/session'
import { costOfProgram } from '../../lib/bench/cost'
import { opCases } from '../../lib/bench/op_cases'
import { prepare, timeRuns } from '../../lib/bench/prepare'
import { Trace } from '../../lib/graph/trace'
import { matmul } from '../../lib/ops'

function product() {
  const trace = new Trace('product')
  matmul(trace.store('a', 'f32', [3, 4]), trace.store('b', 'f32', [4, 5]))
  return trace.finish()
}

test('in bf16, the operands in the Store are bf16 and no cast is added', async () => {
  const session = new JsSession()
  const { program } = await prepare(session, product(), 'bf16')
  expect(program.ops.map(({ op }) => op)).toEqual(['matmul'])
  expect(program.precision).toBe('bf16')
  const dtypes = program.buffers.map(({ name, dtype }) => [name, dtype])
  expect(dtypes.slice(0, 2)).toEqual([
    ['a', 'bf16'],
    ['b', 'bf16'],
  ])
  const f32 = await prepare(new JsSession(), product())
  expect(costOfProgram(program).bytes).toBe(costOfProgram(f32.program).bytes / 2)
  // 0.01 in bf16.
  expect((await session.read('a'))[0]).toBe(0x3c24)
})

test('matrix products, attention and cross-entropy run in every precision', async () => {
  for (const { build, name } of opCases(1).filter(({ name }) => /768|attention|cross/.test(name))) {
    for (const precision of ['tf32', 'bf16'] as const) {
      const trace = new Trace(name)
      build(trace)
      const session = new JsSession()
      const compiled = await prepare(session, trace.finish(), precision)
      expect(compiled.program.precision).toBe(precision)
      expect(await timeRuns(session, compiled, 1)).toBeGreaterThan(0)
    }
  }
})
