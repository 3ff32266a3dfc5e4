// Mutants of native/metal/repetition_penalty.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/repetition_penalty.metal': alike(
    { cases: /^repetition_penalty / },
    ['negative logits are divided too', 'x > 0 ? x / *penalty : x * *penalty', 'x / *penalty'],
    ['a penalty of 0 passes', '&& value > 0) return', '&& value >= 0) return'],
    ['the slot of another sequence', 'slot[i / arguments.sequence]', 'slot[0]'],
    [
      'slots are not checked',
      'InputError::kSlot, 0, InputShape(call, 1)[0] - 1',
      'InputError::kSlot, 0, InputShape(call, 1)[0]',
    ],
  ),
}
