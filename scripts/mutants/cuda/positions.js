// Mutants of native/cuda/positions.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/positions.cu': alike(
    { cases: /^positions / },
    ['all from the first start', 'starts[b] + t', 'starts[0] + t'],
    ['an end too many', 'kEnd - length);', 'kEnd - length + 1);'],
    [
      'starts are not checked',
      'const Outcome outcome = CheckRange(call, message, kPositionsStart, InputError::kStart, -kEnd, kEnd - length);',
      'const Outcome outcome = Outcome::kOk;',
    ],
  ),
}
