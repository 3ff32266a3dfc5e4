// Mutants of native/cuda/lerp.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/lerp.cu': alike(
    { cases: /^lerp / },
    ['without its weight', 'a + weight * (b - a)', 'b'],
    ['from the other end', 'a + weight * (b - a)', 'b + weight * (a - b)'],
    [
      'with itself',
      'Input<const float>(call, 0), Input<const float>(call, 1)',
      'Input<const float>(call, 0), Input<const float>(call, 0)',
    ],
  ),
}
