// Mutants of native/ops/math.h: see cpu.js.

module.exports = {
  'ops/math.h': [
    ['π/2 in one part', ' - n * kSecond, s', ', s', ['rope.cc']],
    ['a quarter turn forgotten', 'odd ? cosine : sine', 'sine', ['rope.cc']],
    ['the sign of cosine', '((quadrant + 1) & 2) << 62', '(quadrant & 2) << 62', ['rope.cc']],
    ['a coefficient of sine', '1.0 / 5040;', '1.0 / 5140;', ['rope.cc']],
    ['a coefficient of cosine', '1.0 / 720', '1.0 / 730', ['rope.cc']],
  ],
}
