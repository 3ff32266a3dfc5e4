// Mutants of native/cpu/tril_mean.cc: see cpu.js.

module.exports = {
  'cpu/tril_mean.cc': [
    ['its own row skipped', 'j < past; ++j', 'j < past - 1; ++j'],
    ['the mean over all', 'static_cast<float>(past)', 'static_cast<float>(length)'],
    ['the future is stale', 'std::memset(row + past', 'if (false) std::memset(row + past'],
    ['rows of the first task', 'y + t * length', 'y + (t - begin) * length'],
  ],
}
