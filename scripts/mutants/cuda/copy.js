// Mutants of native/cuda/copy.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/copy.cu': alike(
    { cases: /^copy / },
    ['a tail is skipped', 'DivideUp(bytes, kUnit)', 'bytes / kUnit'],
    [
      'a last unit that is whole',
      '(i + 1) * kUnit <= bytes',
      'i * kUnit < bytes',
      { cases: /^copy /, races: true },
    ],
    ['a byte short', 'at < bytes; ++at', 'at + 1 < bytes; ++at'],
  ),
}
