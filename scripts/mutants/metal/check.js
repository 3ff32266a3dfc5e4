// Mutants of native/metal/check.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/check.metal': alike(
    { cases: /^positions refuses/ },
    [
      'nothing is too low',
      'ValidateRange(input, what, i, values[i], low, high)',
      'ValidateRange(input, what, i, values[i], -0x7FFFFFFFFFFFL, high)',
      { cases: /^(rope|repetition_penalty) refuses/ },
    ],
    [
      'an update: nothing is reported',
      'control.not_finite == 0) return;',
      'true) return;',
      { cases: /^(sgd|ema) refuses/ },
    ],
    [
      'an update: another output',
      'NotFiniteOutput(control.not_finite - 1, -1)',
      'NotFiniteOutput((control.not_finite - 1) / 2, -1)',
      { cases: /^(sgd|ema) refuses/ },
    ],
    ['the high end comes first', '{low, high, n,', '{high, low, n,'],
    [
      'another input',
      'arguments, {call.inputs[input]}',
      'arguments, {call.inputs[0]}',
      { cases: /^(rope|repetition_penalty) / },
    ],
  ),
}
