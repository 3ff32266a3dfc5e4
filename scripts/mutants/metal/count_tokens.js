// Mutants of native/metal/count_tokens.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/count_tokens.metal': alike(
    { cases: /^count_tokens / },
    ['counts that wrap', 'found != 0x7FFFFFFF &&\n         ', ''],
    [
      'an update may be lost',
      '!atomic_compare_exchange_weak_explicit(count, &found, found + 1, memory_order_relaxed, memory_order_relaxed)',
      'false',
    ],
    ['the slot of another sequence', 'slot[i / arguments.length]', 'slot[0]'],
    ['a token too many', 'token[at], 0, long(vocabulary) - 1', 'token[at], 0, long(vocabulary)'],
  ),
}
