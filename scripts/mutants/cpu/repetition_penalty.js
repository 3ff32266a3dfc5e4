// Mutants of native/cpu/repetition_penalty.cc: see cpu.js.

module.exports = {
  'cpu/repetition_penalty.cc': [
    ['every token', 'seen[v] == 0 ? x[v] : x[v] > 0', 'x[v] > 0'],
    ['negative logits become more likely', 'x[v] > 0 ? x[v] / penalty : x[v] * penalty', 'x[v] / penalty'],
    ['the slot of that number', 'slot[b] * vocabulary;', 'b * vocabulary;'],
  ],
}
