// Mutants of native/metal/driver.mm: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/driver.mm': alike(
    { gpu: true },
    [
      'a failure of an earlier command buffer is not seen',
      'if (outcome == Outcome::kOk) outcome = OutcomeOf(queue->committed.front(), message);',
      'outcome = OutcomeOf(buffer, message);',
      { gpu: 'program' },
    ],
    [
      'a wait for what is not committed',
      'if (event->buffer == event->queue->open) Commit(event->queue);',
      '',
      { gpu: true, healthy: true },
    ],
    [
      'a buffer from its beginning',
      'std::pair{buffer, offset}',
      'std::pair{buffer, size_t{0}}',
      { gpu: true, healthy: true },
    ],
    [
      'memory of others is bound as if it were there',
      'return buffer != nil;',
      'return true;',
      { gemm: ['f32 1 x 1 x 1'] },
    ],
    [
      'what follows a buffer counts as part of it',
      'return offset < buffer.length ?',
      'return offset < SIZE_MAX ?',
      { gemm: ['f32 1 x 1 x 1'] },
    ],
    [
      'a kernel for all constants',
      "for (const uint32_t constant : constants) key += ' ' + std::to_string(constant);",
      '',
      { cases: /^program (decode|prefill|loss) of/, each: 3 },
    ],
    [
      'memory is never given back',
      'queue->buffers.erase(static_cast<const std::byte*>(memory));',
      '',
      { gpu: true, healthy: true },
    ],
    ['no encoder is no error', 'if (queue->encoder == nil) return NoEncoder(message);', ''],
    ...alike(
      { gpu: true, healthy: true },
      [
        'long work is not split',
        'queue->seconds + command.seconds > most_seconds) Commit(queue);',
        'false) Commit(queue);',
      ],
      ['what a launch takes is not counted', 'queue->seconds += command.seconds;', ''],
      ['what a command buffer took counts for the next', '  queue->seconds = 0;\n', ''],
      ['flops are not counted', 'flops / kFlopsPerSecond,', '0.0,'],
      ['bytes are not counted', 'moved += operand.bytes;', ''],
      [
        'only the last piece of split work is timed',
        'if (event->timed) event->pieces = std::move(queue->pieces);',
        'if (event->timed) event->pieces = {event->buffer};',
      ],
    ),
    ...alike(
      { gpu: true, healthy: true, env: { SIMT_DEFAULT_DEVICE: '0' } },
      ['only the default GPU', 'if (found != nil) return found;', 'return found;'],
      ['an external GPU', '!device.removable && device.hasUnifiedMemory', 'true'],
      ['a GPU with memory of its own', '!device.removable && device.hasUnifiedMemory', '!device.removable'],
    ),
  ),
}
