// Mutants of native/cpu/accumulate.cc: see cpu.js.

module.exports = {
  'cpu/accumulate.cc': [['overwrites', '{ return a + b; }', '{ return b; }']],
}
