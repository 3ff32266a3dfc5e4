// Mutants of native/metal/fill.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/fill.metal': alike(
    { cases: /^fill / },
    ['one past the end', 'i >= arguments.n', 'i > arguments.n'],
    ['the number of elements', '= arguments.bits', '= arguments.n'],
    ['a float for bits', 'device uint* y', 'device float* y'],
  ),
}
