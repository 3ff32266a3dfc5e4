// Mutants of native/cuda/cache_write.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/cache_write.cu': alike(
    { cases: /^cache_write / },
    [
      'slots are not told apart',
      'if (slot[other] == slot[b]) return SameSlot(kCacheWriteSlot, slot[b], other, b);',
      '',
    ],
    [
      'starts are not checked',
      'InputError error = ValidateRange(kCacheWriteStart, InputError::kStart, b, start[b], 0, last);',
      'InputError error{};',
    ],
    ['a start too many', 'places - length, cache[0]', 'places - length + 1, cache[0]'],
    ['always from the start', 'slot[b] * places + start[b] + t', 'slot[b] * places + t'],
    ['sequences in order', 'slot[b] * places + start', 'b * places + start'],
    ['nothing is checked', 'ValidateEach(call, message, x[0],', 'ValidateEach(call, message, 0,'],
  ),
}
