// Mutants of native/cuda/sort.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/sort.cu': alike(
    { cases: /^embedding_backward ((63|64|65) of 11x3|1100 of 65x130|301 of 5003x71|1300 of 600x3)$/ },
    ['eight bits only', '(limit - 1) >> shift > 0;', 'false;'],
    ['not in order', 'before[warp][digit] + earlier;', 'before[warp][digit] + __popc(same) - 1 - earlier;'],
    ['earlier tiles are not seen', 'if (t < tile) below += count;', ''],
    ['counts are not cleared', 'if (thread < kDigits) room[thread] = 0;\n', ''],
    [
      'counts are read too early',
      'atomicAdd(&room[DigitOf(keys[i], shift)], 1);\n  __syncthreads();\n',
      'atomicAdd(&room[DigitOf(keys[i], shift)], 1);\n',
    ],
    [
      'starts are read too early',
      'starts[thread] = start;\n  }\n  __syncthreads();\n',
      'starts[thread] = start;\n  }\n',
    ],
    ['places of this pass only', 'places == nullptr ? i : places[i]', 'i'],
    ['digits of earlier warps are not seen', 'sum += count;', ''],
    ['half the lanes', 'offset = 1; offset < kWarp;', 'offset = 1; offset < kWarp / 2;'],
    [
      'scratch for one list of keys',
      '2 * n * static_cast<int64_t>(sizeof(int64_t) + sizeof(int32_t))',
      'n * static_cast<int64_t>(2 * sizeof(int64_t) + sizeof(int32_t))',
    ],
  ),
}
