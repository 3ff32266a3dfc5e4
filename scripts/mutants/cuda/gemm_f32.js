// Mutants of native/cuda/gemm_f32.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/gemm_f32.cu': alike(
    { gemm: ['f32 17 x 15 x 31', 'f32 33 x 65 x 17'] },
    ['no barrier before the first step', '    __syncthreads();\n    int now = 0;', '    int now = 0;'],
    [
      'no barrier between steps',
      '        b.Store(tiles_b[now ^ 1]);\n      }\n      __syncthreads();\n',
      '        b.Store(tiles_b[now ^ 1]);\n      }\n',
    ],
    ['one buffer for all steps', 'a.Store(tiles_a[now ^ 1]);', 'a.Store(tiles_a[now]);'],
    [
      'the last step is whole',
      'a.Load(left - kStep);\n        b.Load(left - kStep);',
      'a.Load(left);\n        b.Load(left);',
    ],
    [
      'rows that are not there',
      'sides_(AtMost<kSides>(sides) - Side())',
      'sides_(kSides + 0 * static_cast<int>(sides) - Side())',
    ],
    [
      'a run of rows in the place of another',
      'row + i / kRun * 16 + i % kRun',
      'row + i / kRun * 8 + i % kRun',
    ],
    [
      'later turns are not added',
      'turn.first = false) {',
      'turn.first = true) {',
      { gemm: ['f32 9 x 12 x 1100'] },
    ],
    [
      'a run of columns of a large tile',
      'corner[1] + column + r * 32',
      'corner[1] + column + r * 4',
      { gemm: ['f32 130 x 66 x 1100'] },
    ],
    ['only four of eight terms', 'p < kStep; ++p', 'p < kStep / 2; ++p'],
    [
      'a step is visited twice',
      'from_ += kAcross ? kStep * stride_ : kStep;',
      'from_ += kAcross ? kStep * stride_ : kStep / 2;',
    ],
  ),
}
