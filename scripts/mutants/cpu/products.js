// Mutants of native/cpu/products.h: see cpu.js.

module.exports = {
  'cpu/products.h': [
    ['transpose of a forgotten', 'Matrix{a, 1, p.m}', 'Matrix{a, p.k, 1}'],
    ['transpose of b forgotten', 'Matrix{b, 1, p.k}', 'Matrix{b, p.n, 1}'],
    ['the stride of c', 'product.c_row = p.n;', 'product.c_row = p.m;'],
  ],
}
