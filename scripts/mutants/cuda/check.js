// Mutants of native/cuda/check.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/check.cu': [
    ...alike(
      { cases: /^(cross_entropy|embedding|rope|positions) refuses/ },
      ['range: nothing is too low', 'values[i], low, high)', 'values[i], INT64_MIN, high)'],
      ['range: nothing is too high', 'values[i], low, high)', 'values[i], low, INT64_MAX)'],
      ['range: another value', 'i, values[i], low', 'i, values[0], low'],
      ['range: another index', 'what, i, values', 'what, i + 1, values'],
      ['range: another bound', 'values[i], low, high)', 'values[i], low, high + 1)'],
    ),
    ...alike(
      { cases: /^(sgd|ema) refuses/ },
      ['updates: nothing is reported', 'control->not_finite == 0) return;', 'true) return;'],
      [
        'updates: another output',
        'int64_t{control->not_finite} - 1, -1',
        'int64_t{control->not_finite - 1} / 2, -1',
      ],
    ),
    ...alike(
      { gpu: true, healthy: true },
      ['finite: never', '(bits[i] & exponent) == exponent', '(bits[i] & exponent) == exponent + 1'],
      ['finite: another output', 'NotFiniteOutput(output, i)', 'NotFiniteOutput(output + 1, i)'],
      ['finite: another index', 'NotFiniteOutput(output, i)', 'NotFiniteOutput(output, i + 1)'],
    ),
  ],
}
