// Mutants of native/cpu/relu.cc: see cpu.js.

module.exports = {
  'cpu/relu.cc': [
    ['a NaN becomes 0', 'AndNot(LessEqual(a, Set(0)), a)', 'And(Greater(a, Set(0)), a)'],
    ['a gradient at 0', 'And(Greater(a, Set(0)), b)', 'AndNot(Greater(Set(0), a), b)'],
  ],
}
