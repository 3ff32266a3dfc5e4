// Mutants of native/cpu/relu_squared.cc: see cpu.js.

module.exports = {
  'cpu/relu_squared.cc': [
    ['a NaN becomes 0', 'Max(Set(0), x)', 'Max(x, Set(0))'],
    ['not squared', 'return Relu(a) * Relu(a);', 'return Relu(a);'],
    ['half the slope', '(Relu(a) + Relu(a)) * b', 'Relu(a) * b'],
  ],
}
