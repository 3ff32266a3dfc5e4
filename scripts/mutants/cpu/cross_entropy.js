// Mutants of native/cpu/cross_entropy.cc: see cpu.js.

module.exports = {
  'cpu/cross_entropy.cc': [
    [
      'empty lanes in the maximum',
      'FirstElse(n - i, LoadSome(logits + i, n - i), Set(-kFloatInfinity))',
      'LoadSome(logits + i, n - i)',
    ],
    [
      'empty lanes in the sum',
      'KeepLanes(Exp(LoadLanes(logits + j, lanes) - shift), lanes)',
      'Exp(LoadLanes(logits + j, lanes) - shift)',
    ],
    ['the last partial sum dropped', 'i < DivideUp(rows, chunk); ++i) total', 'i < rows / chunk; ++i) total'],
    ['the sum for the mean', 'total / static_cast<double>(rows)', 'total'],
    ['the loss of the first class', '{lse - logits[target],', '{lse - logits[0],'],
    ['one lse for a chunk', 'lse[r] = row.lse;', 'lse[begin] = row.lse;'],
    [
      'gradient not divided by the rows',
      '*call.inputs[3].f32() / static_cast<float>(rows)',
      '*call.inputs[3].f32()',
    ],
    ['no onehot', '(probability - Set(1)) * scale', 'probability * scale'],
    ['a stale lse', 'shift = Set(lse[r])', 'shift = Set(lse[begin])'],
    [
      'the gradient takes any target',
      'FirstOutside(targets, rows, vocabulary); bad >= 0) {\n    return ValidateRange(kCrossEntropyTargets, InputError::kTarget, bad, targets[bad], 0, vocabulary - 1);\n  }\n  const float factor',
      'FirstOutside(targets, rows - 1, vocabulary); bad >= 0) {\n    return ValidateRange(kCrossEntropyTargets, InputError::kTarget, bad, targets[bad], 0, vocabulary - 1);\n  }\n  const float factor',
    ],
  ],
}
