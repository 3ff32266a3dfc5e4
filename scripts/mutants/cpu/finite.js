// Mutants of native/cpu/finite.h: see cpu.js. Which output an error names is compared with the reference in
// test/ops/parity.test.ts; case files don't contain it.

module.exports = {
  'cpu/finite.h': [
    ['an Infinity passes', 'return x - x;', 'return Min(Set(1), x) * Set(0);', ['ema.cc']],
    ['the first lane only', 'return Sum(sum) == 0;', 'return FirstLane(sum) == 0;', ['sgd.cc']],
    [
      'the tail is not checked',
      'sum = sum + KeepLanes(NanUnlessFinite(result), lanes);',
      'if (lanes == 8) sum = sum + NanUnlessFinite(result);',
      ['ema.cc'],
    ],
    ['one worker only', 'found = found || by_worker;', 'found = by_worker;', ['sgd.cc']],
    [
      'every worker is finite',
      'if (!is_finite) found_[worker] = true;',
      'if (!is_finite && worker > 0) found_[worker] = true;',
      ['sgd.cc'],
    ],
    [
      'the end of a tensor is not read',
      'i < n; i += 8) sum = sum + NanUnlessFinite(LoadLanes',
      'i + 8 <= n; i += 8) sum = sum + NanUnlessFinite(LoadLanes',
      ['sgd.cc'],
    ],
  ],
}
