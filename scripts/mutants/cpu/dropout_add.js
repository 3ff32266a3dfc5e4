// Mutants of native/cpu/dropout_add.cc: see cpu.js.

module.exports = {
  'cpu/dropout_add.cc': [
    ['residual forgotten', '[](F8 a, F8 b) { return a + b; }', '[](F8, F8 b) { return b; }'],
  ],
}
