// Mutants of native/cpu/dropout.h: see cpu.js.

module.exports = {
  'cpu/dropout.h': [
    [
      'a chunk begins the mask anew',
      'static_cast<uint64_t>(i), count, factors)',
      'static_cast<uint64_t>(i - begin), count, factors)',
    ],
    ['a dropped NaN stays', 'And(Greater(factor, Set(0)), x * factor)', 'x * factor'],
  ],
}
