// Mutants of native/cuda/many.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/many.cuh': alike(
    { cases: /^ema (?!many)/, sources: ['ema.cu'] },
    ['a chunk of another tensor', 'if (chunk < chunks[middle]) {', 'if (chunk <= chunks[middle]) {'],
    ['chunks count from the first tensor', '(index > 0 ? many.chunks[index - 1] : 0)', '0'],
    ['past the end of a tensor', 'end < elements ? end : elements}', 'end}'],
    ['every second four', 'i < chunk.end; i += 4 * kManyThreads', 'i < chunk.end; i += 8 * kManyThreads'],
    [
      'the last of a four',
      'LoadFour(many.data[kind][chunk.index], i, chunk.end, 0)',
      'LoadFour(many.data[kind][chunk.index], i, chunk.end - 1, 0)',
    ],
    [
      'a tensor is passed over',
      'many.elements[many.count] = first[0][i].spec->elements();',
      'many.elements[many.count] = first[0][0].spec->elements();',
    ],
    ['nothing is noted', 'if (not_finite != 0) NoteNotFinite', 'if (not_finite > 9) NoteNotFinite'],
    [
      'an index in its launch',
      'many.before + chunk.index);',
      'chunk.index);',
      { cases: /^ema refuses NaN in tensors/, sources: ['ema.cu'] },
    ],
    [
      'an output of another kind',
      'NoteNotFinite(control, (not_finite - 1) * count',
      'NoteNotFinite(control, 0 * count',
      { cases: /^sgd refuses/, sources: ['sgd.cu'] },
    ],
    [
      'what lies past the end counts',
      '!= 0 && i + j < chunk.end &&',
      '!= 0 &&',
      { cases: /^adamw epsilon 0/, sources: ['adamw.cu'] },
    ],
    [
      'tensors past the first launch',
      'before += chunks;',
      'before += 0;',
      { cases: /^global_norm many/, sources: ['global_norm.cu'] },
    ],
  ),
}
