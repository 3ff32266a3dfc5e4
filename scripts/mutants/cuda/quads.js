// Mutants of native/cuda/quads.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/quads.cuh': alike(
    { cases: /^relu(_backward)? \[/, sources: ['relu.cu'] },
    ['a last quad that is whole', 'if (i + kQuad <= n) return y.SetFour', 'if (i < n) return y.SetFour'],
    ['a last element too many', 'if (i + k < n) y.Set(i + k, quad.at[k]);', 'y.Set(i + k, quad.at[k]);'],
    [
      'the last element is not read',
      'if (i + k < n) quad.at[k] = x.Get(i + k);',
      'if (i + k + 1 < n) quad.at[k] = x.Get(i + k);',
    ],
    ['the first blocks only', 'threadIdx.x); i < n; i += step) {', 'threadIdx.x); i < n; i += n) {'],
    [
      'no block for a short tensor',
      'const int64_t blocks = DivideUp(n, kQuad * kElementThreads), most',
      'const int64_t blocks = n / (kQuad * kElementThreads), most',
    ],
  ),
}
