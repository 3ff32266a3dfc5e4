// Mutants of native/metal/global_norm.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/global_norm.metal': alike(
    { cases: /^global_norm / },
    ['not scaled', 'PowerOfTwo(-ScaleOf(largest))', '1.0f'],
    ['chunks are added as they are', 'Multiply(mine, PowerOfTwo(below))', 'mine'],
    ['an infinity is a number', 'if (largest >= kInfinityBits) {', 'if (largest > kInfinityBits) {'],
    [
      'the last chunks are skipped',
      'i < arguments.chunks; i += kManyThreads) {',
      'i + 1 < arguments.chunks; i += kManyThreads) {',
    ],
    [
      'the scale of one element',
      'GroupMax(max(max(most.x, most.y), max(most.z, most.w)), room, threads)',
      'max(max(most.x, most.y), max(most.z, most.w))',
    ],
    ['the scratch of a chunk less', 'return chunks * sizeof', 'return (chunks - 1) * sizeof'],
  ),
}
