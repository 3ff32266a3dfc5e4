// Mutants of native/cpu/embedding.cc: see cpu.js.

module.exports = {
  'cpu/embedding.cc': [
    [
      'a token overwrites',
      'Map(row, dy + i * channels, row, columns, [](F8 a, F8 b) { return a + b; });',
      'Map(row, dy + i * channels, row, columns, [](F8, F8 b) { return b; });',
    ],
    [
      'the table is not cleared',
      'std::memset(table + v * channels, 0,',
      'if (false) std::memset(table + v * channels, 0,',
    ],
    ['the first row of a slice dropped', 'tokens[i] < slice.row0 ||', 'tokens[i] <= slice.row0 ||'],
    ['columns of the first slice', 'call.inputs[1].f32() + slice.column0;', 'call.inputs[1].f32();'],
    [
      'a slice one column short',
      'Smaller(kTableColumns, channels - column)',
      'Smaller(kTableColumns, channels - column - 1)',
    ],
    [
      'a stale token',
      'table + tokens[i] * channels, static_cast<size_t>',
      'table + tokens[begin] * channels, static_cast<size_t>',
    ],
    [
      'one token more',
      'i < count; ++i) {\n    if (tokens[i] <',
      'i < count - 1; ++i) {\n    if (tokens[i] <',
    ],
  ],
}
