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
    ['the high end comes first', '{low, high, n,', '{high, low, n,'],
    [
      'another input',
      'arguments, {call.inputs[input]}',
      'arguments, {call.inputs[0]}',
      { cases: /^(rope|repetition_penalty) / },
    ],
  ),
}
