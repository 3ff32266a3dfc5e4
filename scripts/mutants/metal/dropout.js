// Mutants of native/metal/dropout.h: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/dropout.h': alike(
    { cases: /^dropout/ },
    ['kept and dropped', 'block.word[k] >= arguments', 'block.word[k] < arguments'],
    ['the same words for all fours', '.Block(i / kQuad)', '.Block(0)'],
    ['what is kept is not scaled', 'x[k] * arguments.scale', 'x[k]'],
    [
      'a NaN is dropped into a NaN',
      '? x[k] * arguments.scale : 0.0f',
      '? x[k] * arguments.scale : 0.0f * x[k]',
    ],
    ['another site', 'RandomStream(rng, arguments.site)', 'RandomStream(rng, arguments.site + 1)'],
  ),
}
