// Mutants of native/cuda/soft_cap.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/soft_cap.cu': alike(
    { cases: /^soft_cap(_backward)? (\[.?.\]|NaN.*|up to 16|cap .*)$/ },
    ['not capped', 'cap * tanhf(x / cap)', 'tanhf(x / cap)'],
    ['the gradient of half', '(1.0f - tanh) * (1.0f + tanh)', '1.0f - tanh'],
    ['y is not divided', 'const float tanh = y / cap;', 'const float tanh = y;'],
  ),
}
