// Mutants of native/cpu/random.h: see cpu.js.

module.exports = {
  'cpu/random.h': [
    [
      'a row begins at a whole block',
      'i = -static_cast<int64_t>(first % 4)',
      'i = 0',
      ['attention.cc', 'attention_backward.cc'],
    ],
    ['the same block again', 'i += 64, block += 16', 'i += 64, block += 8', ['dropout.cc']],
    ['the same blocks twice', 'block + 8 * static_cast<uint64_t>(g)', 'block', ['dropout.cc']],
    [
      'the last factors stale',
      'if (i < count) FactorGroups<1>',
      'if (false) FactorGroups<1>',
      ['dropout.cc'],
    ],
    ['the draw forgotten', 'words[g][3] = random.draw;', 'words[g][3] = SetInt(0);', ['dropout.cc']],
  ],
}
