// Mutants of native/metal/sum_leading.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/sum_leading.metal': alike(
    { cases: /^sum_leading (\[?(255|257|513|9001|70001|300|2)|rank)/ },
    ['the last chunk is whole', 'min(first + cut.chunk, cut.rows)', 'first + cut.chunk'],
    ['a row is skipped', 'r < last; r += cut.depth', 'r + 1 < last; r += cut.depth'],
    ['an odd row is lost', '(rows + 1) / 2', 'rows / 2'],
    ['quads past the end', '(r + 1) * cut.columns', '(r + 2) * cut.columns'],
    [
      'no barrier',
      '    threadgroup_barrier(mem_flags::mem_threadgroup);\n',
      '',
      { cases: /^sum_leading \[?(255|257)/, races: true },
    ],
    [
      'the chunks are not summed',
      'outcome != Outcome::kOk || cut.chunks == 1',
      'outcome != Outcome::kOk || cut.chunks >= 1',
    ],
  ),
}
