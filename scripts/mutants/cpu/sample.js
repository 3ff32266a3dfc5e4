// Mutants of native/cpu/sample.cc: see cpu.js.

module.exports = {
  'cpu/sample.cc': [
    ['top_k one short', 'counts[digit] < k; --digit', 'counts[digit] <= k && digit > 0; --digit'],
    ['ties dropped', 'Ordered(logits[i]) >= threshold', 'Ordered(logits[i]) > threshold'],
    ['top p one short', 'above + sums[digit] < goal; --digit', 'above + sums[digit] <= goal * 0.5; --digit'],
    [
      'top p from the lowest',
      'if (Ordered(logits[i]) < least) weights[i] = 0;',
      'if (Ordered(logits[i]) > least) weights[i] = 0;',
    ],
    ['top p of what top k has dropped', 'how.top_p * total)', 'how.top_p)'],
    ['top p in f32', 'how.top_p * total)', 'static_cast<double>(static_cast<float>(how.top_p)) * total)'],
    [
      'min p in f32',
      'weights[i] < how.min_p)',
      'weights[i] < static_cast<double>(static_cast<float>(how.min_p)))',
    ],
    ['min p forgotten', 'if (weights[i] < how.min_p) weights[i] = 0;', ';'],
    [
      'the probability of another',
      'static_cast<double>(logits[token]) -',
      'static_cast<double>(logits[0]) -',
    ],
    ['the probability without the sum', ' - nano::Log(total));', ');'],
    [
      'the last of the largest',
      'if (logits[i] > logits[best]) best = i;',
      'if (logits[i] >= logits[best]) best = i;',
    ],
    ['no temperature', 'static_cast<double>(largest)) / temperature)', 'static_cast<double>(largest)))'],
    ['one key for all rows', 'in[5].u32() + 3 * row', 'in[5].u32()'],
    ['u not scaled by the sum', 'const double goal = u * total;', 'const double goal = u;'],
    ['a NaN is sampled', 'if (logits[i] != logits[i]) return -1;', ''],
    ['−0 below 0', 'if (x == 0) x = 0.0f;', ''],
  ],
}
