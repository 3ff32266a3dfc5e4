// Mutants of native/cpu/lerp.cc: see cpu.js.

module.exports = {
  'cpu/lerp.cc': [
    ['without its weight', 'from + weight * (to - from)', 'to'],
    ['from the other end', 'from + weight * (to - from)', 'to + weight * (from - to)'],
    ['a chunk of the first', 'b + begin, y + begin', 'b, y + begin'],
  ],
}
