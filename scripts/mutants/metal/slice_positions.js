// Mutants of native/metal/slice_positions.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/slice_positions.metal': alike(
    { cases: /^(slice|concat)_positions / },
    ['from the first position', 'b * length + begin + t, r', 'b * length + t, r'],
    ['of the first sequence', 'b * length + begin + t, r', 'begin + t, r'],
    ['every input in the same place', 'begin += x[1];', ''],
    ['a slice where it should be put back', 'return Way{way.target, way.source};', 'return way;'],
    ['a position short', 'part[0] * part[1]', 'part[0] * part[1] - 1'],
  ),
}
