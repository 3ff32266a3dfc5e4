// Mutants of native/cuda/fill.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/fill.cu': alike(
    { cases: /^fill / },
    ['zeros', 'y[i] = bits', 'y[i] = 0'],
    ['every second element', 'y[i] = bits', 'y[i / 2 * 2] = bits'],
    ['an element short', 'OutputShape(call, 0).elements(), [=]', 'OutputShape(call, 0).elements() - 1, [=]'],
  ),
}
