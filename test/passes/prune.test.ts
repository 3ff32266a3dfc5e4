// Pruning drops only ops on which nothing depends.

import { Trace } from '../../lib/graph/trace'
import { accumulate, add, copy, matmul, relu } from '../../lib/ops'
import { prune } from '../../lib/passes/prune'
import { configs, programsOf } from '../support/models'

test.each(Object.keys(configs))('%s: every op of a Program is needed', (name) => {
  for (const program of Object.values(programsOf(configs[name]))) expect(prune(program)).toEqual(program)
})

test('ops without use are dropped, with all that only they need; writes to the Store stay', () => {
  const trace = new Trace('some')
  const x = trace.input('x', 'f32', [2, 2])
  const used = relu(x)
  add(matmul(relu(x), used), used)
  accumulate(trace.store('sum', 'f32', [2, 2]), copy(used))
  trace.output('y', add(used, x))
  const { ops, buffers } = prune(trace.finish())
  expect(ops.map(({ op }) => op)).toEqual(['relu', 'copy', 'accumulate', 'add'])
  expect(buffers.map(({ name, role }) => name || role)).toEqual(['x', 'temporary', 'sum', 'temporary', 'y'])
  expect(ops.map(({ inputs, outputs }) => [inputs, outputs])).toEqual([
    [[0], [1]],
    [[1], [3]],
    [[2, 3], [2]],
    [[1, 0], [4]],
  ])
})
