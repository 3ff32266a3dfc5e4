// Mutants of native/cuda/clip_scale.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/clip_scale.cu': alike(
    { cases: /^clip_scale / },
    ['never clipped', 'ClipScale(*norm, max_norm)', '1.0f'],
    [
      'the bound for the norm',
      'ClipScale(*norm, max_norm)',
      'ClipScale(static_cast<float>(max_norm), max_norm)',
    ],
    ['nothing is written', 'ForElements(call, message, 1,', 'ForElements(call, message, 0,'],
  ),
}
