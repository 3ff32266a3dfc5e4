// Mutants of native/cuda/add.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/add.cu': alike(
    { cases: /^add / },
    ['the first elements of b for all', 'period == n ? i : i % period', 'period == n ? i : 0'],
    ['b is as long as a', 'period == n ? i : i % period', 'i'],
    ['a quad of b across its end', 'period == n || InQuads(period)', 'true'],
    ['the next of b past its end', '(in_b + k) % period', 'in_b + k'],
    ['a quad short', 'DivideUp(n, kQuad)', 'n / kQuad'],
    ['one past the end', 'StoreQuad(y, i, n,', 'StoreQuad(y, i, n + 1,'],
    ['another sum', 'MapQuad(Add(), ', 'MapQuad(Larger(), '],
    ['bf16 read as f32', 'b = FloatInput(call, 1)', 'b = Input<float>(call, 1)', { cases: /^add .* bf16/ }],
  ),
}
