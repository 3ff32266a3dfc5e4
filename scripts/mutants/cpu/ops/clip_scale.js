// Mutants of native/ops/clip_scale.h: see cpu.js.

module.exports = {
  'ops/clip_scale.h': [
    ['no 1e-6', 'static_cast<double>(norm) + 1e-6', 'static_cast<double>(norm)', ['clip_scale.cc']],
    ['scaled up', 'return scale > 1 ? 1.0f : scale;', 'return scale;', ['clip_scale.cc']],
  ],
}
