// Mutants of native/cuda/repetition_penalty.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/repetition_penalty.cu': alike(
    { cases: /^repetition_penalty / },
    ['divides always', 'x > 0 ? x / *penalty : x * *penalty', 'x / *penalty'],
    ['counts of the first slot', 'counts[slot[i / sequence] * vocabulary', 'counts[0 * vocabulary'],
    ['a token further', '+ i % vocabulary] != 0', '+ (i + 1) % vocabulary] != 0'],
    ['the penalty is not checked', 'if (value > 0 && value - value == 0) return;', 'return;'],
    [
      'slots are not checked',
      'outcome = CheckRange(call, message, kRepetitionPenaltySlot, InputError::kSlot, 0, InputShape(call, 1)[0] - 1);',
      '',
    ],
    ['Infinity is a penalty', 'if (value > 0 && value - value == 0) return;', 'if (value > 0) return;'],
  ),
}
