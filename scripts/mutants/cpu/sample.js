// Mutants of native/cpu/sample.cc: see cpu.js.

module.exports = {
  'cpu/sample.cc': [
    ['top_k one short', 'KthLogit(row, how.top_k)', 'KthLogit(row, how.top_k > 1 ? how.top_k - 1 : 1)'],
    [
      'ties dropped',
      'WhereAtLeast(x, SetDouble(threshold), WhereAtLeast(weight, SetDouble(least), weight))',
      'weight - WhereAtLeast(SetDouble(threshold), x, weight)',
    ],
    ['top p one short', 'above + sums[digit] < goal; --digit', 'above + sums[digit] <= goal * 0.5; --digit'],
    [
      'a group that just reaches the bound is skipped',
      'if (row.maxima[group] < least) continue;',
      'if (row.maxima[group] <= least) continue;',
    ],
    ['the list keeps all digits', '== digit ? 1 : 0;', '>= digit ? 1 : 0;'],
    ['the list forgets what was found', 'found |= digit << shift;', 'found = digit << shift;'],
    [
      'top k only of the largest of the groups',
      'return Kth(row.logits, row.indices, ListFrom(row, least), k);',
      'return least;',
    ],
    ['top p searches too little', '0.5 * (1 - how.top_p) * total /', '500 * (1 - how.top_p) * total /'],
    [
      'top p searches without temperature',
      'row.largest + static_cast<double>(how.temperature) * nano::Log(negligible)',
      'row.largest + nano::Log(negligible)',
    ],
    ['top p of what top k has dropped', 'how.top_p * total,', 'how.top_p,'],
    ['top p in f32', 'how.top_p * total,', 'static_cast<double>(static_cast<float>(how.top_p)) * total,'],
    ['top p forgotten', 'if (top_p) Drop(', 'if (false) Drop('],
    ['min p before top p', 'top_p ? 0 : how.min_p', 'how.min_p'],
    [
      'min p forgotten with top p',
      'SumOf(row.masses, row.chunks())), how.min_p,',
      'SumOf(row.masses, row.chunks())), 0,',
    ],
    ['min p forgotten', 'top_p ? 0 : how.min_p', '0'],
    [
      'min p in f32',
      'top_p ? 0 : how.min_p',
      'top_p ? 0 : static_cast<double>(static_cast<float>(how.min_p))',
    ],
    [
      'the masses of what was dropped',
      'mass = mass + weight;\n    }\n    row.masses[begin / kSlowChunk] = Sum(mass);\n  });\n}\n\n// Draws',
      '}\n  });\n}\n\n// Draws',
    ],
    [
      'the probability of another',
      'row.logits[token] - row.largest - nano',
      'row.logits[0] - row.largest - nano',
    ],
    ['the probability without the sum', ' - nano::Log(total));', ');'],
    [
      'the last of the largest',
      'if (row.maxima[group] > largest) largest',
      'if (row.maxima[group] >= largest) largest',
    ],
    ['the first of the group', 'while (row.logits[best] != largest) ++best;', ''],
    ['no temperature', 'ExpDown(below / SetDouble(temperature))', 'ExpDown(below)'],
    [
      'the probability with temperature',
      'total = total + e;',
      'total = total + ExpDown(below / SetDouble(temperature));',
    ],
    ['one key for all rows', 'in[5].u32() + 3 * r', 'in[5].u32()'],
    [
      'u not scaled by the sum',
      'const double goal = u * SumOf(row.masses, row.chunks());',
      'const double goal = u;',
    ],
    ['the first chunk only', 'sum + row.masses[chunk] <= goal', 'false'],
    [
      'the sum restarts in a chunk',
      '++chunk) sum += row.masses[chunk];',
      '++chunk) sum += row.masses[chunk];\n  sum = 0;',
    ],
    ['a NaN is sampled', 'best < 0 || Largest(nans) > 0', 'best < 0'],
    ['only −Infinity is sampled', 'best < 0 || Largest(nans) > 0', 'Largest(nans) > 0'],
    ['zeros after the row', 'Set(-kFloatInfinity));\n  }\n};', 'Set(0));\n  }\n};'],
    ['fewer than −Infinity', 'if (order <= Ordered(-kFloatInfinity)) return -kFloatInfinity;', ''],
    ['exp without a lower bound', 'Max(x, SetDouble(-746))', 'Max(x, SetDouble(-3000))'],
    ['exp with too high a bound', 'Max(x, SetDouble(-746))', 'Max(x, SetDouble(-2))'],
    ['exp with a term less', 'for (int i = 1; i < 12; ++i) p', 'for (int i = 1; i < 11; ++i) p'],
  ],
}
