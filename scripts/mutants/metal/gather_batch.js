// Mutants of native/metal/gather_batch.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/gather_batch.metal': alike(
    { cases: /^gather_batch / },
    ['targets are the tokens', 'int(window[1])', 'int(window[0])'],
    ['u8 read as u16', '? "gather_batch_u8"', '? "gather_batch_u16"'],
    ['u16 read as u32', '? "gather_batch_u16"', '? "gather_batch_u32"'],
    ['an offset too many', '- y[1] - 1, static', '- y[1], static'],
    ['the first offset for all', 'corpus + offsets[b] + t', 'corpus + offsets[0] + t'],
  ),
}
