// Mutants of native/metal/matmul_accumulate.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/matmul_accumulate.metal': alike({ cases: /^matmul_accumulate 7x5x\d$/ }, [
    'nothing is added',
    'product.accumulate = true;',
    'product.accumulate = false;',
  ]),
}
