// Mutants of native/cuda/validate.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/validate.cuh': alike(
    { cases: /^count_tokens refuses|^count_tokens/, sources: ['count_tokens.cu'] },
    [
      'every thread reports the error',
      'if (threadIdx.x == 0 && first != kNone)',
      'if (first != kNone)',
      { cases: /^count_tokens refuses/, sources: ['count_tokens.cu'], races: true },
    ],
    [
      'the last offender',
      'first = BlockReduce<kValidateThreads>(first, room, Smaller());',
      'first = BlockReduce<kValidateThreads>(first == kNone ? -1 : first, room, Larger());\n  if (first == -1) first = kNone;',
    ],
    ...alike(
      { gpu: true, healthy: true, sources: ['check.cu'] },
      [
        'the last that is not finite',
        'first = BlockReduce<kValidateThreads>(first, room, Smaller());',
        'first = BlockReduce<kValidateThreads>(first == kNone ? -1 : first, room, Larger());\n  if (first == -1) first = kNone;',
      ],
      ['only the first threads look', 'i += kValidateThreads', 'i += n'],
      [
        'every thread reports a value that is not finite',
        'if (threadIdx.x == 0 && first != kNone)',
        'if (first != kNone)',
        { gpu: true, healthy: true, races: true, sources: ['check.cu'] },
      ],
    ),
  ),
}
