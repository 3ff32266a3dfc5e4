// Mutants of native/cpu/matmul_accumulate.cc: see cpu.js.

module.exports = {
  'cpu/matmul_accumulate.cc': [['overwrites', 'product.accumulate = true;', '']],
}
