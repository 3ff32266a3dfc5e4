// Mutants of native/ops/judge.h: see cuda.js.

const { alike } = require('../../alike')

module.exports = {
  'ops/judge.h': alike(
    { cases: /^count_tokens refuses|^count_tokens/, sources: ['count_tokens.cu'] },
    ['the highest is refused', 'low <= value && value <= high', 'low <= value && value < high'],
    ['the lowest is refused', 'low <= value && value <= high', 'low < value && value <= high'],
    ['another index', 'complaint.index = index;', 'complaint.index = index + 1;'],
    ['another bound', 'complaint.high = high;', 'complaint.high = high + 1;'],
    ['another input', 'high;\n  complaint.input = input;', 'high;\n  complaint.input = input + 1;'],
  ),
}
