// Mutants of native/gpu/executable.cc: see cuda.js.

module.exports = {
  'gpu/executable.cc': [
    [
      'no wait for an execution',
      'Status status = slot.done.Wait(); !status.ok()',
      'Status status; !status.ok()',
      { gpu: true, healthy: true },
    ],
    [
      'a recording outlives its arena',
      '  calls_.DropRecording();\n  bound_ = true;',
      '  bound_ = true;',
      { gpu: true, healthy: true },
    ],
    [
      'the control is never read',
      'if (control.failed != 0) {',
      'if (control.failed > 1) {',
      { gpu: true, healthy: true },
    ],
    [
      'the control is never cleared',
      '  stale = !status.ok();\n  return status;',
      '  stale = false;\n  return status;',
      { gpu: true },
    ],
    ['the error of an execution stays', 'shared_.stale = true;', '', { gpu: true }],
  ],
}
