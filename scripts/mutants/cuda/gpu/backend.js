// Mutants of native/gpu/backend.cc: see cuda.js.

module.exports = {
  'gpu/backend.cc': [
    [
      'no wait for an execution',
      'Status status = slot.done.Wait(); !status.ok()',
      'Status status; !status.ok()',
      { gpu: true, healthy: true },
    ],
    [
      'a recording outlives its arena',
      '    DropRecording();\n    bound_ = true;',
      '    bound_ = true;',
      { gpu: true, healthy: true },
    ],
    ['a recording that ended early is kept', 'if (failure) DropRecording();', '', { gpu: true }],
    [
      'the control is never read',
      'if (control.failed != 0) {',
      'if (control.failed > 1) {',
      { gpu: true, healthy: true },
    ],
    [
      'the control is never cleared',
      '    stale = !status.ok();\n    return status;',
      '    stale = false;\n    return status;',
      { gpu: true },
    ],
    ['what an execution complained of stays', 'shared_.stale = true;', '', { gpu: true }],
    [
      'one slot for all executions',
      'next_slot_ = (next_slot_ + 1) % slots_.size();',
      '',
      { gpu: true, healthy: true },
    ],
    [
      'too few slots',
      'i <= kMostUnderWay; ++i) {\n      Result<Block> memory',
      'i < 8; ++i) {\n      Result<Block> memory',
      { gpu: true, healthy: true },
    ],
    ['inputs are not sent', 'if (input_layout_.bytes > 0) {', 'if (false) {', { gpu: true, healthy: true }],
    [
      'outputs are not fetched',
      'if (output_layout_.bytes > 0) {',
      'if (false) {',
      { gpu: true, healthy: true },
    ],
    ['all temporaries in one place', 'arena + plan_.buffers[index]', 'arena', { gpu: true, healthy: true }],
    [
      'a recording is kept for ever',
      '~GpuExecutable() override { DropRecording(); }',
      '~GpuExecutable() override {}',
      { gpu: true, healthy: true },
    ],
    ['copies do not wait', '    NANO_RETURN_IF_ERROR(done.Wait());\n', '', { cases: /^(add|fill) / }],
    [
      'new memory is not zero',
      'if (bytes > 0) NANO_RETURN_IF_ERROR(shared_.driver->Zero(memory->data(), bytes));',
      '',
      { gpu: true, healthy: true },
    ],
    [
      'checks of outputs only in the first',
      'output < calls_[op].output_count; ++output',
      'output < 0; ++output',
      { gpu: true, healthy: true },
    ],
  ],
}
