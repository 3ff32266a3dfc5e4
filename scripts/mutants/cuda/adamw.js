// Mutants of native/cuda/adamw.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/adamw.cu': alike(
    { cases: /^adamw (?!many)/, each: 80 },
    ['step 0 is allowed', 'if (*step >= 1) {', 'if (*step >= 0) {'],
    ['the second moment is not stored', 'UpdateMany<3>', 'UpdateMany<2>'],
    ['moments for gradients', 'call.inputs + 3 + n}', 'call.inputs + 3}'],
    ['a step later', 'MakeAdamwStep(params, *step,', 'MakeAdamwStep(params, *step + 1,'],
    ['no scale', '*learning_rate, *scale)', '*learning_rate, 1.0f)'],
  ),
}
