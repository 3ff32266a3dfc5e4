// Mutants of native/cuda/ema.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/ema.cu': alike(
    { cases: /^ema (?!many)/ },
    ['the decay itself', 'rest = static_cast<float>(1 - static_cast<double>(*decay))', 'rest = *decay'],
    [
      'what is left in single precision',
      'static_cast<float>(1 - static_cast<double>(*decay))',
      '1.0f - *decay - 1e-6f',
    ],
    ['averages for parameters', 'call.inputs + 1 + n}', 'call.inputs + 1}'],
  ),
}
