// Mutants of native/gpu/product.h: see cuda.js.

const { alike } = require('../../alike')

module.exports = {
  'gpu/product.h': alike(
    { cases: /^matmul 7x5x\d( t. tb| t.)?$/, sources: ['matmul.cu'] },
    ['a is not transposed', 'Matrix{nullptr, 1, p.m}', 'Matrix{nullptr, p.k, 1}'],
    ['rows of b too long', ': Matrix{nullptr, p.n, 1}', ': Matrix{nullptr, p.k, 1}'],
  ),
}
