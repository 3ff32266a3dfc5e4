// Mutants of native/cuda/swiglu.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/swiglu.cu': alike(
    { cases: /^swiglu(_backward)? (\[.?.\]|NaN.*|up to 1)$/ },
    [
      'dup read as f32',
      'dup = FloatOutput(call, 1)',
      'dup = Output<float>(call, 1)',
      { cases: /^swiglu_.* bf16/ },
    ],
    [
      'no gate',
      'gate * Share(gate, Sigmoids(gate).smaller) * up',
      'Share(gate, Sigmoids(gate).smaller) * up',
    ],
    ['the gradient without up', 'd * ups.at[k] * fmaf', 'd * fmaf'],
    ['both gradients in one place', 'StoreQuad(dup, i, n, of_up);', 'StoreQuad(dgate, i, n, of_up);'],
    ['a quad short', 'DivideUp(n, kQuad)', 'n / kQuad'],
  ),
}
