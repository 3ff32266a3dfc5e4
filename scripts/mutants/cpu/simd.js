// Mutants of native/cpu/simd.h: see cpu.js.

module.exports = {
  'cpu/simd.h': [
    ['a coefficient of log', '3.3333331174e-1f', '3.3433331174e-1f', ['attention.cc']],
    ['exp of −80 for less', 'Set(-105.0f)', 'Set(-20.0f)', ['cross_entropy.cc', 'attention.cc']],
    ['a coefficient of tanh', '1.33314422036e-1f', '1.33414422036e-1f', ['soft_cap.cc']],
    ['tanh: the sign lost', 'BitsOf(large) ^ BitsOf(And(Set(-0.0f), x))', 'BitsOf(large)', ['soft_cap.cc']],
    ['tanh: the polynomial too far', 'Set(0.625f)', 'Set(1.625f)', ['soft_cap.cc']],
    [
      'the share of a tail on both sides',
      'Select(Greater(x, Set(0)), Set(1.0f) - tail, tail)',
      'tail',
      ['swiglu.cc', 'gelu.cc'],
    ],
    [
      'x times the tail on both sides',
      'Max(Set(0), x) - Abs(x) * tail',
      'x * tail',
      ['swiglu.cc', 'gelu.cc'],
    ],
    ['exp of −80 for less than what a float holds', 'Set(-87.33f)', 'Set(-97.33f)', ['swiglu.cc', 'gelu.cc']],
    [
      'a coefficient of exp',
      '1.6666665459e-1f',
      '1.6696665459e-1f',
      ['cross_entropy.cc', 'attention_backward.cc'],
    ],
  ],
}
