// Mutants of native/metal/double_float.h: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/double_float.h': alike(
    { cases: /^sample (5x\d+|5x\d+ greedy|temperature.*)$/ },
    [
      'the log without its second part',
      'Multiply(Ln2Low(), float(n))), float(n)',
      'Multiply(Ln2Low(), 0.0f)), float(n)',
    ],
    ['e^x with half of ln 2', 'Negated(Multiply(Ln2Low(), n))', 'Pair(0)'],
    [
      'a sum of pairs without low parts',
      'value = AddAny(value, Pair(simd_shuffle_xor(value.high, offset), simd_shuffle_xor(value.low, offset)));',
      'value = Pair(simd_sum(value.high), 0.0f); break;',
    ],
    [
      'a root without its rest',
      'root + (fma(-root, root, a.high) + a.low) / (2 * root)',
      'root + root',
      { cases: /^(adamw|global_norm|clip_scale) / },
    ],
  ),
}
