// Mutants of native/cuda/matmul_accumulate.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/matmul_accumulate.cu': alike({ cases: /^matmul_accumulate 7x5x\d$/ }, [
    'nothing is added',
    'product.accumulate = true;',
    'product.accumulate = false;',
  ]),
}
