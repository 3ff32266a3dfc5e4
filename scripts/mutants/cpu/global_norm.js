// Mutants of native/cpu/global_norm.cc: see cpu.js.

module.exports = {
  'cpu/global_norm.cc': [
    ['the last chunk dropped', 'i < DivideUp(total, kChunk); ++i) sum', 'i < total / kChunk; ++i) sum'],
    ['no root', 'static_cast<float>(sqrt(sum))', 'static_cast<float>(sum)'],
    ['one tensor for all', 'sum += SumOfSquares(', 'sum = SumOfSquares('],
  ],
}
