// Mutants of native/gpu/backend.cc: see cuda.js.

module.exports = {
  'gpu/backend.cc': [
    ['copies do not wait', '    NANO_RETURN_IF_ERROR(done.Wait());\n', '', { cases: /^(add|fill) / }],
    [
      'new memory is not zero',
      'if (bytes > 0) NANO_RETURN_IF_ERROR(shared_.driver->Zero(memory->data(), bytes));',
      '',
      { gpu: true, healthy: true },
    ],
  ],
}
