// Mutants of native/cpu/scale.cc: see cpu.js.

module.exports = {
  'cpu/scale.cc': [
    ['not scaled', 'return factor * a;', 'return a;'],
    ['added', 'return factor * a;', 'return factor + a;'],
    ['one element short', 'y + begin, end - begin,', 'y + begin, end - begin - 1,'],
  ],
}
