// Mutants of native/ops/validate.h: see cuda.js.

const { alike } = require('../../alike')

module.exports = {
  'ops/validate.h': alike(
    { cases: /^count_tokens refuses|^count_tokens/, sources: ['count_tokens.cu'] },
    ['the highest is rejected', 'low <= value && value <= high', 'low <= value && value < high'],
    ['the lowest is rejected', 'low <= value && value <= high', 'low < value && value <= high'],
    [
      'another index',
      'error.index = index;\n  error.value = value;',
      'error.index = index + 1;\n  error.value = value;',
    ],
    ['another bound', 'error.high = high;', 'error.high = high + 1;'],
    ['another input', 'high;\n  error.input = input;', 'high;\n  error.input = input + 1;'],
  ),
}
