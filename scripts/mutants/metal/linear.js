// Mutants of native/metal/linear.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/linear.metal': alike(
    { cases: /^linear 7x\d+x\d+( relu)?$/ },
    ['no bias', '  product.bias = static_cast<const float*>(call.inputs[2].data);\n', ''],
    ['no relu', 'call.params->as<LinearParams>().relu', 'false'],
    [
      'rows a row short',
      'product.m = x.elements() / product.k;',
      'product.m = x.elements() / product.k - 1;',
    ],
  ),
}
