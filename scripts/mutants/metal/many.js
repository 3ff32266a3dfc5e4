// Mutants of native/metal/many.h: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/many.h': alike(
    { cases: /^(ema|zero|sgd|adamw|global_norm) / },
    ['bytes are not counted', 'first[kind][tensor].spec->bytes();', '0;', { gpu: true, healthy: true }],
    ['a chunk of another tensor', 'many.chunks[index] <= group', 'many.chunks[index] < group'],
    ['chunks of all before', '(index > 0 ? many.chunks[index - 1] : 0u)', '0u'],
    [
      'to the end of the chunk',
      'min(chunk.begin + kManyChunk, many.elements[index])',
      'chunk.begin + kManyChunk',
    ],
    ['the last operand is never visited', 'i < kManyOperands; ++i', 'i + 1 < kManyOperands; ++i'],
    ['one tensor too few in a launch', 'done += kMost)', 'done += kMost + 1)'],
    ['all places count', 'if (k < these) chunks +=', 'chunks +='],
    ['nothing is noted', 'if (not_finite != 0) NoteNotFinite', 'if (not_finite > 9) NoteNotFinite'],
    [
      'an index in its launch',
      'many.first + chunk.index);',
      'chunk.index);',
      { cases: /^ema refuses NaN in tensors/ },
    ],
    ['an output of another kind', '(not_finite - 1) * many.count', '0 * many.count'],
    [
      'the first kind',
      'not_finite = max(not_finite, kind + 1)',
      'not_finite = not_finite == 0 ? kind + 1 : not_finite',
    ],
    [
      'what lies past the end counts',
      'i + e < chunk.end && !IsFinite',
      '!IsFinite',
      { cases: /^adamw epsilon 0/ },
    ],
    ['nothing is reported', 'outcome == Outcome::kOk ? ReportNotFinite(call, message) : outcome', 'outcome'],
    [
      'scratch of each launch from its beginning',
      'many.before += chunks',
      'many.before += 0',
      { cases: /^global_norm / },
    ],
  ),
}
