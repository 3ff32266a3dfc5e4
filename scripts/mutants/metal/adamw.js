// Mutants of native/metal/adamw.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/adamw.metal': alike(
    { cases: /^adamw / },
    ['a step too few', 'exponent & 1) correction', '(exponent - 1) & 1) correction'],
    ['one correction for both', 'Correction(arguments.beta2_rest,', 'Correction(arguments.beta1_rest,'],
    ['no decay', 'x[0] *= step.decay', 'x[0] *= 1'],
    ['the gradient is not scaled', 'x[3] * step.gradient_scale', 'x[3]'],
    [
      'epsilon under the root',
      'sqrt(x[2]) / step.root_correction2 + epsilon',
      'sqrt(x[2] + epsilon) / step.root_correction2',
    ],
    ['step 0 passes', 'if (step >= 1) {', 'if (step >= 0) {', { cases: /^adamw refuses/ }],
    ['v is not stored', 'UpdateChunk<4, 3>', 'UpdateChunk<4, 2>'],
  ),
}
