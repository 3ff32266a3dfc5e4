// Mutants of native/cpu/embedding_accumulate.cc: see cpu.js.

module.exports = {
  'cpu/embedding_accumulate.cc': [
    ['the last token overwrites', '[](F8 a, F8 b) { return a + b; }', '[](F8, F8 b) { return b; }'],
    ['columns of the first task', 'dy + i * channels + begin', 'dy + i * channels'],
    ['a token short', 'i < count; ++i)', 'i < count - 1; ++i)'],
    ['a column short', 'end - begin, [](F8 a', 'end - begin - 1, [](F8 a'],
  ],
}
