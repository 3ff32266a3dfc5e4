// Mutants of native/cpu/slice_positions.cc: see cpu.js.

module.exports = {
  'cpu/slice_positions.cc': [
    ['from the first position', 'b * length + begin + t', 'b * length + t'],
    ['the first sequence for all', 'b * length + begin + t', 'begin + t'],
    ['one position for all', 'b * length + begin + t', 'b * length + begin'],
    ['every input in the same place', 'begin += x.spec->shape[1];', ''],
    ['a row in every chunk', 'part.f32() + row * size', 'part.f32() + (row - first) * size'],
  ],
}
