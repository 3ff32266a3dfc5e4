// Mutants of native/metal/validate.h: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/validate.h': alike(
    { cases: /refuses/ },
    [
      'the last error, not the first',
      'GroupMin(first, room, at)',
      'GroupMax(first == none ? 0u : first, room, at)',
    ],
    [
      'every thread reports the error',
      'if (thread_index != 0 || first == none) return;',
      'if (first == none) return;',
      { cases: /^(positions|count_tokens|cache_write) refuses/, races: true },
    ],
    [
      'no barrier before an error',
      '  threadgroup_barrier(mem_flags::mem_device);',
      '',
      { cases: /^(positions|count_tokens|cache_write) refuses/, races: true },
    ],
    ['the last is not examined', 'i < n && first == none', 'i + 1 < n && first == none'],
  ),
}
