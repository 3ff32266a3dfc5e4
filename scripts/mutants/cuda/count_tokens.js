// Mutants of native/cuda/count_tokens.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/count_tokens.cu': alike(
    { cases: /^count_tokens / },
    [
      'two counts are one',
      'if (found == expected || found == INT32_MAX) return;',
      'if (found == expected || found != 0) return;',
    ],
    [
      'past what i32 holds',
      'if (found == expected || found == INT32_MAX) return;',
      'if (found == expected) return;',
    ],
    [
      'slots are not checked',
      'if (t < 0) return ValidateRange(kCountTokensSlot, InputError::kSlot, b, slot[b], 0, slots - 1);',
      'if (t < 0) return InputError{};',
    ],
    [
      'the last sequence is not checked',
      'ValidateEach(call, message, batch * (length + 1),',
      'ValidateEach(call, message, (batch - 1) * (length + 1),',
    ],
    ['counts of the first slot', 'slot[i / length] * vocabulary', '0 * vocabulary'],
    [
      'the tokens of a sequence short',
      'ForElements(call, message, batch * length,',
      'ForElements(call, message, batch * length - 1,',
    ],
    ['tokens are not checked', 'token[at], 0, vocabulary - 1)', 'token[at], -1, vocabulary)'],
  ),
}
