// Mutants of native/cpu/squares.h: see cpu.js.

module.exports = {
  'cpu/squares.h': [
    ['the tail dropped', 'for (; i < n; ++i) lanes[0] += static_cast<double>(x[i]) * x[i];', ''],
  ],
}
