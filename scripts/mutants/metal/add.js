// Mutants of native/metal/add.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/add.metal': alike(
    { cases: /^add / },
    ['b restarts with each four', '(in_b + k) % period', '(in_b + k * 0) % period'],
    ['fours past the end of b', '{whole, whole || period % kQuad == 0}', '{whole, true}'],
    ['b is never whole', 'kWhole ? i : i % period', 'kWhole ? i % 4 : i % period'],
    ['bf16 read as f32', 'FloatsIn addends(b, 2u)', 'FloatsIn addends(b, false)', { cases: /^add .* bf16/ }],
  ),
}
