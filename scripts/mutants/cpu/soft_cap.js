// Mutants of native/cpu/soft_cap.cc: see cpu.js.

module.exports = {
  'cpu/soft_cap.cc': [
    ['not scaled back', 'return cap * Tanh(a / cap);', 'return Tanh(a / cap);'],
    ['not scaled', 'return cap * Tanh(a / cap);', 'return cap * Tanh(a);'],
    ['the gradient not scaled', 'const F8 tanh = a / cap;', 'const F8 tanh = a;'],
    ['the gradient not squared', '(one - tanh) * (one + tanh)', '(one - tanh)'],
  ],
}
