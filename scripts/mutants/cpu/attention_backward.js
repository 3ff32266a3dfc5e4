// Mutants of native/cpu/attention_backward.cc: see cpu.js.

module.exports = {
  'cpu/attention_backward.cc': [
    ['short: no Σ dy·y', 'p * (slope - delta) * scale', 'p * slope * scale'],
    ['short: dv without dropout', 'weight = p * factor;', ''],
    ['short: weights without dropout', 'slope = slope * factor;', ''],
    ['short: hidden keys get values', 'AndNot(blind, weight)', 'weight'],
    ['short: hidden keys have a gradient', 'AndNot(blind, p * (slope', 'AndNot(Set(0), p * (slope'],
    [
      'short: its own query dropped',
      'for (int64_t t = j; t < s.queries; ++t)',
      'for (int64_t t = j + 1; t < s.queries; ++t)',
    ],
    ['short: queries of the first eight', '(t / 8 * kShortKeys + j) * 8 + t % 8', 'j * 8 + t % 8'],
    [
      'short: the last keys dropped',
      'for (; j < s.keys; ++j) ShortKeys<1>',
      'for (; j + 1 < s.keys; ++j) ShortKeys<1>',
    ],
    ['short: lse of the first queries', 'LoadLanes(head.lse + t, rows)', 'LoadLanes(head.lse, rows)'],
    [
      'the mask hides its own key',
      'Smaller(tile.columns, t + 1 - tile.key)',
      'Smaller(tile.columns, t - tile.key)',
    ],
    ['no Σ dy·y', 'p * (gradient - delta8) * scale8', 'p * gradient * scale8'],
    ['dq and dk not scaled', 'p * (gradient - delta8) * scale8', 'p * (gradient - delta8)'],
    ['dv without dropout', '      dropped = p * factor;\n', ''],
    ['the gradient of weights without dropout', '      gradient = gradient * factor;\n', ''],
    ['lse of the first row of a tile', 'b.scale, head.lse[t], delta', 'b.scale, head.lse[tile.query], delta'],
    ['y of the first row', 'Dot(head.y + t * channels,', 'Dot(head.y,'],
    ['a shared head of keys forgets the head before', 'add = later || head.add;', 'add = later;'],
    ['short: a shared head of keys forgets the head before', 'head % s.group > 0,', 'false,'],
    ['dq forgets the keys before', 'head.dq + at, row, tile.key > 0', 'head.dq + at, row, false'],
    ['dq is added to what was there', 'head.dq + at, row, tile.key > 0', 'head.dq + at, row, true'],
    ['dk and dv forget the queries before', 'later = tile.query > tile.key', 'later = false'],
    ['dk and dv are added to what was there', 'later = tile.query > tile.key', 'later = true'],
    [
      'keys that no query of the first tile sees stay as they were',
      'later ? tile.columns : loaded',
      'tile.columns',
    ],
    [
      'queries of the first tile',
      'Pack({head.q + at, row, 1}, tile.rows, n, room.queries);',
      'Pack({head.q + key_at, row, 1}, tile.rows, n, room.queries);',
    ],
    ['dk off by a query', '{.first_limit = limit - 1}', '{.first_limit = limit - 2}'],
    [
      'the last queries dropped',
      't < s.queries; t += kTileQueries) {  //',
      't + 1 < s.queries; t += kTileQueries) {  //',
    ],
    [
      'the tail of Σ dy·y dropped',
      'if (i < n) sum = MulAdd(LoadSome(a + i, n - i), LoadSome(b + i, n - i), sum);',
      '',
    ],
  ],
}
