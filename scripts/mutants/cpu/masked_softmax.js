// Mutants of native/cpu/masked_softmax.cc: see cpu.js.

module.exports = {
  'cpu/masked_softmax.cc': [
    [
      'the mask hides its own column',
      'visible = r % rows + 1 + columns - rows;',
      'visible = r % rows + columns - rows;',
    ],
    [
      'the mask shows the next column',
      'visible = r % rows + 1 + columns - rows;',
      'visible = Smaller(columns, r % rows + 2 + columns - rows);',
    ],
    ['the first row sees one column', 'r % rows + 1 + columns - rows;', 'r % rows + 1;'],
    ['hidden columns are stale', 'std::memset(y + r * columns', 'if (false) std::memset(y + r * columns'],
    ['the maximum is not taken out', 'top = Set(LargestOf(x, n))', 'top = Set(0)'],
    [
      'the maximum takes in empty lanes',
      'FirstElse(n - i, LoadSome(x + i, n - i), least)',
      'LoadSome(x + i, n - i)',
    ],
    [
      'empty lanes are summed',
      'KeepLanes(Exp((LoadLanes(x + i, lanes) - top) * factor), lanes)',
      'Exp((LoadLanes(x + i, lanes) - top) * factor)',
    ],
    ['not scaled', '- top) * factor)', '- top))'],
    ['not normalized', 'return e * share;', 'return e;'],
    ['gradient without Σ y·dy', 'factor * p * (d - sum)', 'factor * p * d'],
    ['gradient not scaled', 'factor * p * (d - sum)', 'p * (d - sum)'],
  ],
}
