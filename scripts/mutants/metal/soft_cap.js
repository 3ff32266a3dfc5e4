// Mutants of native/metal/soft_cap.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/soft_cap.metal': alike(
    { cases: /^soft_cap/ },
    ['no cap before tanh', 'precise::tanh(value / arguments.cap)', 'precise::tanh(value)'],
    ['no cap after it', 'n, arguments.cap * precise', 'n, precise'],
    ['the slope of tanh', '(1.0f - tanh) * (1.0f + tanh)', '(1.0f - tanh)'],
  ),
}
