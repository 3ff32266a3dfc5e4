// Mutants of native/metal/batched_matmul.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/batched_matmul.metal': alike(
    { cases: /^batched_matmul \[[23]\] [57]x[37]x\d( tb| ta)?(, . shared)?$/ },
    ['all products in one place', 'products.c_step = p.each.m * p.each.n;', 'products.c_step = 0;'],
    ['a is shared', 'products.a.step = p.a_step,', 'products.a.step = 0,'],
    ['a product short', 'products.batch = p.batch;', 'products.batch = p.batch - 1;'],
  ),
}
