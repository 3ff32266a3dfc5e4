// Mutants of native/cuda/batched_matmul.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/batched_matmul.cu': alike(
    { cases: /^batched_matmul \[[23]\] [57]x[37]x\d( tb| ta)?(, . shared)?$/ },
    ['all products in one place', 'products.c_step = p.each.m * p.each.n;', 'products.c_step = 0;'],
    ['a is shared', 'products.a.step = p.a_step,', 'products.a.step = 0,'],
    ['a product short', 'products.batch = p.batch;', 'products.batch = p.batch - 1;'],
  ),
}
