// Mutants of native/metal/cross_entropy.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/cross_entropy.metal': alike(
    {
      cases:
        /^cross_entropy(_backward)? (3x[235]|5x257|2x1003|1100x65|3x40009|up to 1e4|.*far above.*|all near 1e4)/,
    },
    [
      'sums are not scaled',
      'mass.sum * exp(mass.top - top), 0, 0, 0)',
      'mass.sum, 0, 0, 0)',
      { cases: /^cross_entropy (2x1003|3x40009)$/ },
    ],
    [
      'what is past the end counts',
      'sum += Within(exp(x[j] - top), i, n);',
      'sum += exp(x[j] - top) + select(float4(0), float4(1), uint4(i, i + 1, i + 2, i + 3) >= uint4(n));',
    ],
    [
      'what is past the end is 0',
      'n, -FLT_MAX);\n      most',
      'n, 0);\n      most',
      { cases: /^cross_entropy all near -1e4|^cross_entropy all near 1e4/, work: 1e6 },
    ],
    ['groups are not scaled', 'mass.sum * exp(mass.top - top), room', 'mass.sum, room'],
    ['the sum of losses', 'Divide(sum, PairOf(arguments.rows))', 'sum'],
    ['the target’s gradient', 'gradient - 1, uint4', 'gradient, uint4'],
    ['the mean of the gradient', '*dloss / float(arguments.rows)', '*dloss'],
    [
      'partial sums are overwritten',
      'partial[group] = float2',
      'partial[0] = float2',
      { cases: /^cross_entropy (1100x65|131107x2)$/ },
    ],
  ),
}
