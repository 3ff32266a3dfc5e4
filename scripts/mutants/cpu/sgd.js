// Mutants of native/cpu/sgd.cc: see cpu.js.

module.exports = {
  'cpu/sgd.cc': [
    ['decay skipped', ' + s.weight_decay * p;', ';'],
    ['never Nesterov', 'kNesterov ? g + s.momentum * new_m : new_m', 'new_m'],
    [
      'm of the tensor before',
      'outputs[n + i].f32() + begin',
      'outputs[n + (i > 0 ? i - 1 : i)].f32() + begin',
    ],
    ['nothing is checked', 'return IsFinite(sum);', 'return true;'],
  ],
}
