// Mutants of native/cuda/sum_leading.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/sum_leading.cu': alike(
    { cases: /^sum_leading (\[\d+, 5\]|\[4, \d+\]|\[25\d, \d+\]|\[300, 515\]|\[9001, 7\]|mixed sizes)$/ },
    [
      'a row short in every chunk',
      'last = first + cut.chunk < rows ? first + cut.chunk : rows;',
      'last = first + cut.chunk < rows ? first + cut.chunk - 1 : rows;',
    ],
    ['rows past the last', 'first + cut.chunk < rows ? first + cut.chunk : rows;', 'first + cut.chunk;'],
    [
      'no barrier between halves',
      '  for (; half > 0; half /= 2) {\n    __syncthreads();\n',
      '  for (; half > 0; half /= 2) {\n',
    ],
    ['a depth that is no power of two', 'row < half && row + half < depth', 'row < half'],
    ['the last half is skipped', 'power < cut.depth; power *= 2', 'power * 2 < cut.depth; power *= 2'],
    ['all chunks in one place', 'y[chunk * columns + column] = room', 'y[column] = room'],
    ...alike(
      { cases: /^sum_leading .* bf16/ },
      ['bf16 read as f32', 'bf16 ? SumChunks<__nv_bfloat16', '!bf16 ? SumChunks<__nv_bfloat16'],
      ['fours of bf16 read as f32', 'bf16 ? SumChunks<Bf16Four', '!bf16 ? SumChunks<Bf16Four'],
    ),
    [
      'scratch for a chunk too few',
      '(cut.chunks * columns) * sizeof(float)',
      '((cut.chunks - 1) * columns) * sizeof(float)',
    ],
    [
      'chunks are not added',
      'if (outcome != Outcome::kOk || cut.chunks == 1) return outcome;',
      'if (outcome != Outcome::kOk || cut.chunks <= 3) return outcome;',
      { cases: /^sum_leading / },
    ],
  ),
}
