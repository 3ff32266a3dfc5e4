// Mutants of native/metal/clip_scale.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/clip_scale.metal': alike(
    { cases: /^clip_scale / },
    ['small norms are scaled up', 'within ? 1.0f : ToFloat', 'false ? 1.0f : ToFloat'],
    ['a NaN is lost', '*scale = value;  // a NaN stays a NaN', '*scale = 1;'],
    ['an infinite norm', '*scale = 0;', '*scale = 1;'],
    ['a bound where there is none', 'std::isfinite(max_norm)', 'true'],
  ),
}
