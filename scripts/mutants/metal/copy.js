// Mutants of native/metal/copy.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/copy.metal': alike(
    { cases: /^copy / },
    ['the tail is skipped', 'for (ulong k = at; k < bytes; ++k) y[k] = x[k];', ''],
    ['the tail is rounded up', 'at + 16 <= bytes', 'at < bytes', { cases: /^copy /, races: true, each: 10 }],
    ['a unit too few', 'DivideUp(static_cast<int64_t>(bytes), 16)', 'static_cast<int64_t>(bytes) / 16'],
  ),
}
