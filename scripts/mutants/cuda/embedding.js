// Mutants of native/cuda/embedding.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/embedding.cu': alike(
    {
      cases:
        /^embedding(_backward)? (9 of \dx9|(63|64|65) of 11x3|7 of 5x\d|1100 of 65x130|301 of 5003x71|700 of .*|1300 of .*|70 of .*|rank \d)$/,
    },
    [
      'tokens are not checked',
      'const Outcome outcome = CheckRange(call, message, kEmbeddingTokens, InputError::kToken, 0, table[0] - 1);',
      'const Outcome outcome = Outcome::kOk;',
      { cases: /^embedding refuses/ },
    ],
    [
      'tokens of the gradient are not checked',
      'Outcome outcome = CheckRange(call, message, kEmbeddingTokens, InputError::kToken, 0, shape[0] - 1);',
      'Outcome outcome = Outcome::kOk;',
      { cases: /^embedding_backward refuses/ },
    ],
    [
      'tokens of the total are not checked',
      'const Outcome outcome = CheckRange(call, message, kEmbeddingAccumulateTokens, InputError::kToken, 0, last);',
      'const Outcome outcome = Outcome::kOk;',
      { cases: /^embedding_accumulate refuses/ },
    ],
    [
      'a sum replaces the total',
      'to = accumulate ? to + sum : sum;',
      'to = sum;',
      { cases: /^embedding_accumulate (7 of 5x|700 of )/ },
    ],
    [
      'the total is overwritten',
      'return AddRows(call, message, kEmbeddingAccumulateTokens, true);',
      'return AddRows(call, message, kEmbeddingAccumulateTokens, false);',
      { cases: /^embedding_accumulate (7 of 5x|700 of )/ },
    ],
    ['rows of no token are not cleared', 'StoreQuad(table, kQuad * i, size, Quad{});', ''],
    [
      'the neighbours are read too early',
      '  __syncthreads();\n  const int64_t column = blockIdx.x % slices',
      '  const int64_t column = blockIdx.x % slices',
    ],
    [
      'a run restarts in each eight',
      'i > 0 && tokens[i - 1] == token ? sum',
      'k > 0 && tokens[i - 1] == token ? sum',
    ],
    ['a run that continues is written', 'if (tokens[-1] == token) {', 'if (tokens[-1] == token && i > 0) {'],
    ['the first part of a run is skipped', 'Unit sum = partials.left(piece, column);', 'Unit sum{};'],
    [
      'the last part of a run is skipped',
      'for (; has(next); ++next) sum',
      'for (; has(next + 1); ++next) sum',
    ],
    [
      'eight parts count as seven',
      'has(next + kAtOnce - 1); next += kAtOnce',
      'has(next + kAtOnce - 1); next += kAtOnce - 1',
    ],
    [
      'pieces are never joined',
      'if (outcome != Outcome::kOk || count <= kPiece) return outcome;',
      'if (outcome != Outcome::kOk || count <= 2 * kPiece) return outcome;',
    ],
    [
      'one slice of columns',
      'const int64_t column = blockIdx.x % slices * blockDim.x + threadIdx.x;\n  if (column >= columns) return;',
      'const int64_t column = threadIdx.x;\n  if (column >= columns) return;',
      { cases: /^embedding_backward 70 of 2x1030$/ },
    ],
  ),
}
