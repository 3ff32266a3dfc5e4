// Mutants of native/metal/ema.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/ema.metal': alike(
    { cases: /^ema / },
    ['the decay for the rest', '1.0f - *decay', '*decay'],
    [
      'the average for the parameter',
      '{call.outputs, call.inputs + 1 + n}',
      '{call.outputs, call.inputs + 1}',
    ],
    ['nothing is stored', 'UpdateChunk<2, 1>', 'UpdateChunk<2, 0>'],
  ),
}
