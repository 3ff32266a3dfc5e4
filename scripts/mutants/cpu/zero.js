// Mutants of native/cpu/zero.cc: see cpu.js.

module.exports = {
  'cpu/zero.cc': [
    ['one short', 'static_cast<size_t>(end - begin) * size', 'static_cast<size_t>(end - begin - 1) * size'],
  ],
}
