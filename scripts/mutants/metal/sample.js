// Mutants of native/metal/sample.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/sample.metal': alike(
    { cases: /^sample / },
    [
      'a zero below another',
      'bits == magnitude || magnitude == 0 ?',
      'bits == magnitude ?',
      { cases: /^sample zeros/ },
    ],
    [
      'the last of the largest',
      'GroupMin(most == order ? first : 0xFFFFFFFFu',
      'GroupMax(most == order ? first : 0u',
      { cases: /^sample ties, greedy/ },
    ],
    [
      'the last of a thread’s largest',
      'if (order > most) most',
      'if (order >= most) most',
      { cases: /^sample ties of a large vocabulary/ },
    ],
    ['a NaN is no NaN', 'if (magnitude > 0x7F800000u) return kNan;', '', { cases: /^sample refuses a NaN/ }],
    [
      '−Infinity will do',
      'if (order != kNan && order != kMinusInfinity)',
      'if (order != kNan)',
      { cases: /^sample refuses all/ },
    ],
    [
      'the temperature may be anything',
      'if (!IsUpTo(FLT_MAX, *temperature))',
      'if (false)',
      { cases: /^sample refuses.*temperature/ },
    ],
    ['top_p may be 0', ' || IsZero(*top_p)) return', ') return', { cases: /^sample refuses top_p/ }],
    [
      'the temperature multiplies',
      'WeightOf(Divide(x, Pair(temperature)))',
      'WeightOf(Multiply(x, Pair(temperature)))',
      { cases: /^sample (temperature|.*hot|.*cold)/ },
    ],
    [
      'no top k',
      'if (*top_k != 0 && uint(*top_k) < n) {',
      'if (false) {',
      { cases: /^sample (top|ties, top)/ },
    ],
    [
      'a digit too few',
      'if (!IsBelow(those, goal)) break;',
      'if (IsBelow(goal, those)) break;',
      { cases: /^sample (top|ties, top|all equal)/ },
    ],
    [
      'top_p in f32',
      'Multiply(total, top_p)',
      'Multiply(total, top_p.high)',
      { cases: /^sample top p 0.8 of/ },
    ],
    [
      'min_p in f32',
      'choices.least = min_p;',
      'choices.least = Pair(min_p.high);',
      { cases: /^sample min p 0.8 of/ },
    ],
    ['no min_p', 'choices.least = min_p;', '', { cases: /^sample .*min p/ }],
    ['no top_p', 'choices.threshold = max(choices.threshold, least);', '', { cases: /^sample .*top p/ }],
    [
      'the total of before',
      'if (has_top_p || min_p.high > 0) total',
      'if (false) total',
      { cases: /^sample .*(top|min) p/ },
    ],
    ['another word', '.Word(0) >> 8', '.Word(1) >> 8'],
    ['all rows draw alike', 'rng + 3 * row', 'rng'],
    [
      'the first simdgroup draws',
      'drawing = i;',
      'drawing = 0;',
      { cases: /^sample (5x6[345]|temperature|a large|.*large)/ },
    ],
    [
      'sums run from 0',
      'upto = Add(sum, upto);',
      '',
      { cases: /^sample (5x65|.*large|all equal|temperature 100)/, work: 1e8 },
    ],
    [
      'an Infinity is sampled',
      'if (*temperature > 0 && !is_infinite) {',
      'if (*temperature > 0) {',
      { cases: /^sample Infinity/ },
    ],
    [
      'the chunks’ first total',
      'totals[row * arguments.chunks + i]',
      'totals[row * arguments.chunks]',
      { cases: /^sample .*large/, work: 1e9 },
    ],
    [
      'no barrier before digits are added',
      '    threadgroup_barrier(mem_flags::mem_threadgroup);\n    if (at.Index() < kDigits) {',
      '    if (at.Index() < kDigits) {',
      { cases: /^sample (top 5 of 31|top p 0.5)$/ },
    ],
    [
      'no barrier before a digit is chosen',
      '    threadgroup_barrier(mem_flags::mem_threadgroup);\n    uint digit',
      '    uint digit',
      { cases: /^sample (top 5 of 31|top p 0.5)$/ },
    ],
  ),
}
