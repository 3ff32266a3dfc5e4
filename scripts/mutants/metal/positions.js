// Mutants of native/metal/positions.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/positions.metal': alike(
    { cases: /^positions / },
    ['the first start for all', 'starts[b] + int(t)', 'starts[0] + int(t)'],
    ['one past the end', 'i >= arguments.n', 'i > arguments.n'],
    ['a position too many', 'kEnd - length);', 'kEnd - length + 1);'],
  ),
}
