// Mutants of native/cpu/swiglu.cc: see cpu.js.

module.exports = {
  'cpu/swiglu.cc': [
    ['not gated', 'TimesShare(a, Sigmoids(a).smaller) * b', 'TimesShare(a, Sigmoids(a).smaller)'],
    ['the logistic only', 'TimesShare(a, Sigmoids(a).smaller) * b', 'Share(a, Sigmoids(a).smaller) * b'],
    [
      'dgate: the logistic for its slope',
      'MulAdd(a * logistic.smaller, logistic.larger, Share(a, logistic.smaller))',
      'Share(a, logistic.smaller)',
    ],
    ['dgate: not times up', 'd * b * slope', 'd * slope'],
    ['dup: not times the gate', 'd * TimesShare(a,', 'd * Share(a,'],
    ['the tail dropped', 'i < end; i += 8', 'i + 8 <= end; i += 8'],
  ],
}
