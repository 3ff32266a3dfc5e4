// Mutants of native/metal/sgd.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/sgd.metal': alike(
    { cases: /^sgd / },
    ['always Nesterov', 'nesterov ? g + momentum', 'true ? g + momentum'],
    ['no decay', ' + weight_decay * x[0]', ''],
    ['momentum is not stored', 'UpdateChunk<3, 2>', 'UpdateChunk<3, 1>'],
    ['rate and scale change places', 'call.inputs[0], call.inputs[1]);', 'call.inputs[1], call.inputs[0]);'],
  ),
}
