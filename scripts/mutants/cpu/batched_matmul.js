// Mutants of native/cpu/batched_matmul.cc: see cpu.js.

module.exports = {
  'cpu/batched_matmul.cc': [
    ['the first matrix of a for all', 'call.inputs[0].f32() + i * p.a_step', 'call.inputs[0].f32()'],
    ['the first matrix of b for all', 'call.inputs[1].f32() + i * p.b_step', 'call.inputs[1].f32()'],
    ['the stride of y', 'i * p.each.m * p.each.n', 'i * p.each.m * p.each.k'],
    [
      'the last matrix dropped',
      'ForTasks(call.pool, p.batch, together',
      'ForTasks(call.pool, p.batch - 1, together',
    ],
    ['the last large matrix dropped', 'i < p.batch; ++i) Multiply', 'i < p.batch - 1; ++i) Multiply'],
    ['a task forgets all but its first', 'i < end; ++i) Multiply', 'i < begin + 1; ++i) Multiply'],
  ],
}
