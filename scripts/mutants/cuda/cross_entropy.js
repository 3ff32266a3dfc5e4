// Mutants of native/cuda/cross_entropy.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/cross_entropy.cu': alike(
    { cases: /^cross_entropy(_backward)? (3x\d|65x11|5x257|2x1003|.*far above|-Inf.*|up to 1e4|rank \d)$/ },
    ['a stale sum', 'mass.sum = mass.SumAt(shift);', 'mass.sum = mass.sum;'],
    [
      'sums of other maxima',
      'both.sum = a.SumAt(shift) + b.SumAt(shift);',
      'both.sum = a.sum + b.SumAt(shift);',
    ],
    [
      'no loss of the first row',
      'loss += of_row -',
      'loss = of_row -',
      { cases: /^cross_entropy 131107x2$/ },
    ],
    ['not the mean', 'sum / static_cast<double>(rows)', 'sum'],
    [
      'the gradient read as f32',
      'FloatOutput(call, 0)',
      'Output<float>(call, 0)',
      { cases: /^cross_entropy_backward .* bf16/ },
    ],
    ['the target is one later', 'row[targets[r]]', 'row[targets[r] ^ (n > 1 ? 1 : 0)]'],
    ['of all elements of a four', '(i + j == target ? probability - 1', '(i == target ? probability - 1'],
    ['not divided by the rows', '*dloss / static_cast<float>(rows)', '*dloss'],
    [
      '-Infinity is a scale',
      'return top == -INFINITY ? 0 : top;',
      'return top;',
      { cases: /^cross_entropy -Inf/ },
    ],
    ['the last block is skipped', 'i < blocks; i += kMeanThreads', 'i < blocks - 1; i += kMeanThreads'],
    [
      'targets are not checked',
      '  Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, InputError::kTarget, 0, n - 1);',
      'Outcome outcome = Outcome::kOk;',
      { cases: /^cross_entropy refuses/ },
    ],
    [
      'targets of the gradient are not checked',
      'const Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, InputError::kTarget, 0, n - 1);',
      'const Outcome outcome = Outcome::kOk;',
      { cases: /^cross_entropy_backward refuses/ },
    ],
    [
      'the vocabulary is a target',
      '  Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, InputError::kTarget, 0, n - 1);',
      '  Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, InputError::kTarget, 0, n);',
      { cases: /^cross_entropy refuses/ },
    ],
    [
      'a warp is read too early',
      'room[threadIdx.x / kWarp][1] = mass.sum;\n    }\n    __syncthreads();\n',
      'room[threadIdx.x / kWarp][1] = mass.sum;\n    }\n',
      { cases: /^cross_entropy 3x40009$/ },
    ],
  ),
}
