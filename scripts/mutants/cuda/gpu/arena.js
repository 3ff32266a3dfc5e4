// Mutants of native/gpu/arena.cc: see cuda.js.

module.exports = {
  'gpu/arena.cc': [
    ['all temporaries in one place', 'arena + plan_.buffers[index]', 'arena', { gpu: true, healthy: true }],
  ],
}
