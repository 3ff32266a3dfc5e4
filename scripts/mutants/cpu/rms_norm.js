// Mutants of native/cpu/rms_norm.cc: see cpu.js.

module.exports = {
  'cpu/rms_norm.cc': [
    ['no epsilon', ' + Set(epsilon)', ''],
    ['the sum for the mean', 'Sqrt(SumEach(sums) / Set(static_cast<float>(n))', 'Sqrt(SumEach(sums)'],
    ['gain dropped', 'return a * factor * g;', 'return a * factor;'],
    ['the first row for all', 'LoadLanes(x + r * n + i, lanes);\n', 'LoadLanes(x + i, lanes);\n'],
    ['the end of a row dropped', 'for (; i < n; i += 8) sums[0]', 'for (; i + 8 <= n; i += 8) sums[0]'],
    ['half of a long row', 'return sums[0] + sums[1];', 'return sums[0];'],
    ['dx without z', 'factor * mean));', 'factor * Set(0)));'],
    ['dx: the gain dropped', 'if constexpr (kGain) h = h *', 'if constexpr (false) h = h *'],
    [
      'dx: the sum for the mean',
      'Store(means, SumEach(sums) / Set(static_cast<float>(n)));',
      'Store(means, SumEach(sums));',
    ],
    ['dgain overwrites', 'LoadLanes(dgain + i, lanes) + product', 'product'],
    ['partial sums not cleared', 'std::memset(sums, 0, static_cast<size_t>(n) * sizeof(float));', ''],
    [
      'the last block of dgain dropped',
      'for (int64_t b = 1; b < blocks; ++b)',
      'for (int64_t b = 1; b + 1 < blocks; ++b)',
    ],
    ['the last rows of a task dropped', 'r < end; r += few', 'r + few <= end; r += few'],
  ],
}
