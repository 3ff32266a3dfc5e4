// Mutants of native/cuda/sgd.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/sgd.cu': alike(
    { cases: /^sgd (?!many)/ },
    ['the moment is not stored', 'UpdateMany<2>', 'UpdateMany<1>'],
    ['never as Nesterov', 'params.nesterov ?', 'false ?'],
    ['no decay', 'x[2] * scale + params.weight_decay * x[0]', 'x[2] * scale'],
    [
      'decay is scaled',
      'x[2] * scale + params.weight_decay * x[0]',
      '(x[2] + params.weight_decay * x[0]) * scale',
    ],
    ['a stale moment', ': x[1]);', ': x[1] - g);'],
  ),
}
