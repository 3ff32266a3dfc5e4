// Mutants of native/cpu/count_tokens.cc: see cpu.js.

module.exports = {
  'cpu/count_tokens.cc': [
    ['the slot of that number', 'slot[b] * vocabulary;', 'b * vocabulary;'],
    [
      'the first token only',
      't < length; ++t) {\n      int32_t& count',
      't < 1; ++t) {\n      int32_t& count',
    ],
    [
      'counts wrap around',
      'if (count < 0x7FFFFFFF) ++count;',
      'count = static_cast<int32_t>(static_cast<uint32_t>(count) + 1);',
    ],
    ['a token past the last', 'value >= vocabulary)', 'value > vocabulary)'],
  ],
}
