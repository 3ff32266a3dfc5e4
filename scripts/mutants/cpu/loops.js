// Mutants of native/cpu/loops.h: see cpu.js.

module.exports = {
  'cpu/loops.h': [
    [
      'the tail dropped',
      'if (i < n) StoreSome(y + i, n - i, f(LoadSome(a + i, n - i), LoadSome(b + i, n - i)));',
      '',
      ['add.cc'],
    ],
    [
      'the last chunk cut',
      'const int64_t tasks = DivideUp(count, chunk);',
      'const int64_t tasks = Larger(1, count / chunk);',
      ['relu.cc', 'copy.cc', 'fill.cc', 'dropout.cc'],
    ],
    [
      'the end of a sum dropped',
      'for (; i < n; i += 8) sums[0]',
      'for (; i + 8 <= n; i += 8) sums[0]',
      ['layer_norm.cc'],
    ],
  ],
}
