// Mutants of native/metal/require_finite.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/require_finite.metal': alike(
    { cases: /^require_finite / },
    ['an infinity passes', '!= 0x7F800000u', '!= 0x7FC00000u'],
    ['nothing is passed on', '    *y = value;\n', ''],
    ['another number is named', 'NotFinite(kRequireFiniteX, value)', 'NotFinite(kRequireFiniteX, 0)'],
  ),
}
