// Mutants of native/cpu/layer_norm.cc: see cpu.js.

module.exports = {
  'cpu/layer_norm.cc': [
    ['variance over C − 1', 'sqrtf(squares / count + epsilon)', 'sqrtf(squares / (count - 1) + epsilon)'],
    ['no epsilon', 'sqrtf(squares / count + epsilon)', 'sqrtf(squares / count)'],
    [
      'empty lanes in the variance',
      'KeepLanes(LoadLanes(x + i, lanes) - center, lanes)',
      'LoadLanes(x + i, lanes) - center',
    ],
    [
      'gain dropped',
      'MulAdd(z, LoadLanes(gain + i, lanes), LoadLanes(bias + i, lanes))',
      'z + LoadLanes(bias + i, lanes)',
    ],
    [
      'bias dropped',
      'MulAdd(z, LoadLanes(gain + i, lanes), LoadLanes(bias + i, lanes))',
      'z * LoadLanes(gain + i, lanes)',
    ],
    ['a chunk keeps one mean', 'mean[r] = row.mean;', 'mean[begin] = row.mean;'],
    ['dx without the mean of g', 'rstd * (g - mean_g - z * mean_gz)', 'rstd * (g - z * mean_gz)'],
    ['dx without z', 'rstd * (g - mean_g - z * mean_gz)', 'rstd * (g - mean_g)'],
    ['dgain overwrites', 'MulAdd(d, z, LoadLanes(dgain + i, lanes))', 'd * z'],
    ['dbias doubled', 'LoadLanes(dbias + i, lanes) + d)', 'LoadLanes(dbias + i, lanes) + d + d)'],
    [
      'the last block of dgain dropped',
      'for (int64_t b = 1; b < blocks; ++b)',
      'for (int64_t b = 1; b + 1 < blocks; ++b)',
    ],
    ['stale statistics', '{mean[r], rstd[r]}', '{mean[begin], rstd[begin]}'],
    [
      'partial sums not cleared',
      'std::memset(gains, 0, static_cast<size_t>(2 * channels) * sizeof(float));',
      '',
    ],
  ],
}
