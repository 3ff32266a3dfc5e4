// Mutants of native/cuda/linear.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/linear.cu': alike(
    { cases: /^linear 7x\d+x\d+( relu)?$/ },
    ['no bias', '  product.bias = Input<float>(call, 2);\n', ''],
    ['no relu', 'call.params->as<LinearParams>().relu', 'false'],
    [
      'rows a row short',
      'product.m = x.elements() / product.k;',
      'product.m = x.elements() / product.k - 1;',
    ],
  ),
}
