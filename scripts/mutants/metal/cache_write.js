// Mutants of native/metal/cache_write.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/cache_write.metal': alike(
    { cases: /^cache_write / },
    ['the start is not seen', '+ uint(start[b]) + t', '+ t'],
    ['the slot is not seen', 'uint(slot[b]) * places', 'b * places'],
    ['slots may be the same', 'other < b; ++other', 'other < 0; ++other'],
    [
      'a place too many',
      'long(arguments.places) - long(arguments.length)',
      'long(arguments.places) - long(arguments.length) + 1',
    ],
  ),
}
