// Mutants of native/cuda/rope.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/rope.cu': alike(
    { cases: /^rope (\[2,3,\d+\] in 2.*|\[3,67,160\] in 5.*|\[2,2,5000\] in 1.*|far, backwards|base 100)$/ },
    ['forwards where it goes back', 'sign * turn.sine', 'turn.sine'],
    ['turned the wrong way', 'cosine.v[j] - b.v[j]', 'cosine.v[j] + b.v[j]'],
    ['angles of the first pairs again', 'static_cast<double>(first + i)', 'static_cast<double>(i)'],
    [
      'angles are read too early',
      '    }\n    __syncthreads();\n    const int64_t fours',
      '    }\n    const int64_t fours',
    ],
    [
      'angles are overwritten too early',
      '    }\n    __syncthreads();\n  }\n}',
      '    }\n  }\n}',
      { cases: /^rope \[2,2,5000\] in 1/, races: true },
    ],
    ['a head short', 'of_row = fours * sizes.heads', 'of_row = fours * (sizes.heads - 1)'],
    ['y read as f32', 'FloatOutput(call, 0)', 'Output<float>(call, 0)', { cases: /^rope .* bf16/ }],
    ['the first sequence only', 'sequence < sizes.sequences; sequence', 'sequence < 1; sequence'],
    [
      'positions are not checked',
      'const Outcome outcome = CheckRange(call, message, kRopePositions, InputError::kPosition, 0, kRopeLimit - 1);',
      'const Outcome outcome = Outcome::kOk;',
      { cases: /^rope refuses/ },
    ],
    ['a position too many', 'kRopeLimit - 1);', 'kRopeLimit);', { cases: /^rope refuses/ }],
  ),
}
