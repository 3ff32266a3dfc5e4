// Mutants of native/metal/require_finite.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/require_finite.metal': alike(
    { cases: /^require_finite / },
    ['nothing passes', 'if (IsFinite(value)) {', 'if (!IsFinite(value)) {'],
    ['nothing is passed on', '    *y = value;\n', ''],
    ['another number is named', 'NotFinite(kRequireFiniteX, value)', 'NotFinite(kRequireFiniteX, 0)'],
  ),
}
