// Mutants of native/metal/zero.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/zero.metal': alike(
    { cases: /^zero / },
    ['4 bytes for every dtype', 'many.element_bytes[chunk.index]', 'many.element_bytes[chunk.index] * 0 + 4'],
    ['the tail is skipped', 'for (uint k = i; k < bytes; ++k) at[k] = 0;', ''],
    ['always the first chunk', '+ ulong(chunk.begin) * size', ''],
  ),
}
