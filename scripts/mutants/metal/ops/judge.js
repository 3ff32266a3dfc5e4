// Mutants of native/ops/judge.h: see metal.js.

const { alike } = require('../../alike')

module.exports = {
  'ops/judge.h': alike(
    { cases: /^(positions|rope|gather_batch|count_tokens|cache_write) / },
    ['the highest is refused', 'low <= value && value <= high', 'low <= value && value < high'],
    ['the lowest is refused', 'low <= value && value <= high', 'low < value && value <= high'],
    ['another index', 'complaint.index = index;', 'complaint.index = index + 1;'],
    ['another bound', 'complaint.high = high;', 'complaint.high = high + 1;'],
    ['another input', 'high;\n  complaint.input = input;', 'high;\n  complaint.input = input + 1;'],
  ),
}
