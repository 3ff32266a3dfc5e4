// Mutants of native/cpu/add.cc: see cpu.js.

module.exports = {
  'cpu/add.cc': [
    ['b restarts', 'const int64_t at = i % period, count', 'const int64_t at = 0, count'],
    ['minus', '{ return a + b; }', '{ return a - b; }'],
    ['one number for all', 'return x + each;', 'return x;'],
  ],
}
