// Mutants of native/cpu/many.h: see cpu.js.

module.exports = {
  'cpu/many.h': [
    [
      'a tensor starts anew in each chunk',
      'Larger(first - start, 0)',
      '0',
      ['adamw.cc', 'ema.cc', 'global_norm.cc', 'sgd.cc', 'zero.cc'],
    ],
    [
      'tensors one short',
      'Smaller(last - start, count);',
      'Smaller(last - start, count) - (count > 1);',
      ['adamw.cc', 'ema.cc', 'global_norm.cc', 'sgd.cc', 'zero.cc'],
    ],
  ],
}
