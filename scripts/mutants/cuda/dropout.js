// Mutants of native/cuda/dropout.cuh and native/cuda/dropout.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/dropout.cuh': alike(
    { cases: /^dropout (\[\d*\]|NaN.*|p .*|key .*)$/, sources: ['dropout.cu'] },
    ['not scaled', 'x.at[k] * rule.scale', 'x.at[k]'],
    [
      'a NaN that is dropped',
      'block.word[k] >= rule.threshold ? x.at[k] * rule.scale : 0.0f',
      'x.at[k] * (block.word[k] >= rule.threshold ? rule.scale : 0.0f)',
    ],
    ['one block for eight', 'static_cast<uint64_t>(i) / kQuad', 'static_cast<uint64_t>(i) / (2 * kQuad)'],
    ['words in another order', 'block.word[k] >=', 'block.word[3 - k] >='],
    ['the threshold itself', '>= rule.threshold ?', '< rule.threshold ?'],
  ),
  'cuda/dropout.cu': alike(
    { cases: /^dropout (\[\d*\]|NaN.*|p .*|key .*)$/ },
    ['another site', 'RandomStream(rng, site)', 'RandomStream(rng, site + 1)'],
    ['a quad short', 'DivideUp(n, kQuad)', 'n / kQuad'],
    ['past the end', 'StoreQuad(y, i, n, Dropped', 'StoreQuad(y, i, n + 1, Dropped'],
    [
      'y read as f32',
      'y = FloatOutput(call, 0)',
      'y = Output<float>(call, 0)',
      { cases: /^dropout .* bf16/ },
    ],
  ),
}
