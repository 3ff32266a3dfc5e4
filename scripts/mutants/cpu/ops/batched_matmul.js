// Mutants of native/ops/batched_matmul.cc: see cpu.js.

module.exports = {
  'ops/batched_matmul.cc': [
    ['a shared a is stepped through', 'p.a_step = a_shared ? 0 : each.m', 'p.a_step = each.m'],
    ['one product of transposed matrices', 'if (b_shared && !each.transpose_a)', 'if (b_shared)'],
  ],
}
