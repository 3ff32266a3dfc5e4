// Mutants of native/metal/rope.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/rope.metal': alike(
    { cases: /^rope / },
    ['forwards where it goes back', 'arguments.sign * turn.sine', 'turn.sine'],
    ['turned the wrong way', 'a * cosine - b * sine', 'a * cosine + b * sine'],
    [
      'angles of the first pairs again',
      'Frequency(p, first + i, pairs)',
      'Frequency(p, i, pairs)',
      { cases: /^rope \[2,2,5000\] in 1/ },
    ],
    ['the quadrant below', '(turn + 0x20000000u) >> 30', 'turn >> 30'],
    [
      'angles of 32 bits',
      'position * arguments.frequencies[(i + k) % kRopePairs]',
      'ulong(position * uint(arguments.frequencies[(i + k) % kRopePairs] >> 32)) << 32',
    ],
    [
      'positions of other rows',
      'positions[row % arguments.positions]',
      'positions[row / arguments.positions]',
    ],
    ['y read as x', 'const FloatsOut out(y, 0u)', 'const FloatsOut out(y, 1u)', { cases: /^rope .* bf16/ }],
    ['a position too many', 'kRopeLimit - 1);', 'kRopeLimit);', { cases: /^rope refuses/ }],
  ),
}
