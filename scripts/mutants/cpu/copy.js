// Mutants of native/cpu/copy.cc: see cpu.js.

module.exports = {
  'cpu/copy.cc': [
    ['always the first chunk', 'std::memcpy(y + begin, x + begin,', 'std::memcpy(y + begin, x,'],
  ],
}
