// Mutants of native/cuda/sample.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/sample.cu': alike(
    {
      cases:
        /^sample (5x\d+( greedy)?|ties.*|top.*|min.*|temperature.*|draw.*|zeros.*|a large.*|one.*|-?Inf.*)$/,
      each: 150,
    },
    ['the last of equal values', '(0xFFFFFFFFu - static_cast<uint32_t>(i))', 'static_cast<uint32_t>(i)'],
    ['the zeros are not one', 'x == 0 ? 0.0f : x)', 'x)'],
    [
      'options are not checked',
      'InputError error = CheckOptions(options);',
      'InputError error{};',
      { cases: /^sample refuses/ },
    ],
    ['nothing to choose from', 'if (IsNothing(largest[row])) first = row;', '', { cases: /^sample refuses/ }],
    ['the temperature is skipped', 'temperature == 1 ? e : Exp(below / temperature)', 'e'],
    [
      'a chunk longer',
      'const int64_t end = begin + kChunk < n ? begin + kChunk : n;',
      'const int64_t end = begin + kChunk + 1 < n ? begin + kChunk + 1 : n;',
    ],
    ['top k takes one more', 'above + room[kWarps][digit] < goal', 'above + room[kWarps][digit] <= goal'],
    ['top p of 1', 'top_p * total, room.masses', 'top_p, room.masses'],
    ['top p in f32', 'top_p * total, room.masses', 'static_cast<float>(top_p) * total, room.masses'],
    ['min p in f32', 'choices.least = min_p;', 'choices.least = static_cast<float>(min_p);'],
    ['min p is skipped', 'choices.least = min_p;', ''],
    ['a stale total', 'if (top_p < 1 || min_p > 0) total = Total(choices, room.sums);', ''],
    ['numbers of the first row', 'rng + 3 * row', 'rng'],
    [
      'counts are read too early',
      'if (lane == 0) room[warp][digit] = sum;\n    }\n    __syncthreads();\n',
      'if (lane == 0) room[warp][digit] = sum;\n    }\n',
    ],
    [
      'totals are read too early',
      'if (lane == 0) sums[warp] = sum;\n  __syncthreads();\n',
      'if (lane == 0) sums[warp] = sum;\n',
    ],
    [
      'sums of counts are read too early',
      'room[kWarps][threadIdx.x] = sum;\n    }\n    __syncthreads();\n',
      'room[kWarps][threadIdx.x] = sum;\n    }\n',
    ],
    ['sums of earlier lanes are left', 'if (lane >= offset) upto += before;', ''],
    ['a walk that restarts', 'sum += __shfl_sync(~0u, upto, kWarp - 1);', ''],
    ['the first chunk for all', 'i < chunks; i += kWarp) total', 'i < 1; i += kWarp) total'],
  ),
}
