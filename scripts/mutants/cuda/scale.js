// Mutants of native/cuda/scale.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/scale.cu': alike(
    { cases: /^scale/ },
    ['not scaled', 'return factor * x;', 'return x;'],
    ['added', 'return factor * x;', 'return factor + x;'],
  ),
}
