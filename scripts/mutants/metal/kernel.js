// Mutants of native/metal/kernel.h: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/kernel.h': alike(
    { cases: /^(sgd|ema) refuses/ },
    ['an infinity passes', '!= 0x7F800000u; }', '!= 0x7FC00000u; }', { cases: /^require_finite / }],
    ['the first output that is noted', 'atomic_fetch_max_explicit', 'atomic_fetch_min_explicit'],
    ['the output before is noted', 'output + 1, memory_order_relaxed', 'output, memory_order_relaxed'],
  ),
}
