// Mutants of native/cuda/zero.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/zero.cu': alike(
    { cases: /^zero (?!hundreds)/ },
    ['a last unit that is whole', 'if (i + kUnit <= last) {', 'if (i < last) {'],
    ['the tail stays', 'data[at] = 0;', 'break;'],
    ['chunks count from the first tensor', '(tensor > 0 ? batch.end[tensor - 1] : 0)', '0'],
    [
      'a chunk of another tensor',
      'batch.end[tensor + step - 1] <= chunk',
      'batch.end[tensor + step - 1] < chunk',
    ],
    ['every second unit', 'i += kThreads * kUnit', 'i += 2 * kThreads * kUnit'],
    [
      'the first 128 tensors',
      'first < call.output_count; first += kMost',
      'first < 1; first += kMost',
      { cases: /^zero hundreds/ },
    ],
  ),
}
