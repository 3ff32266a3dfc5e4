// Mutants of native/cuda/gather_batch.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/gather_batch.cu': alike(
    { cases: /^gather_batch / },
    ['targets are the tokens', 'window[1]', 'window[0]'],
    ['an offset too many', '- OutputShape(call, 0)[1] - 1;', '- OutputShape(call, 0)[1];'],
    [
      'offsets are not checked',
      'const Outcome outcome = ValidateEach(call, message, batch,',
      'const Outcome outcome = ValidateEach(call, message, 0 * batch,',
    ],
    ['u8 read as u16', 'Gather<uint8_t>', 'Gather<uint16_t>'],
    ['u16 read as u32', 'Gather<uint16_t>', 'Gather<uint32_t>'],
    ['windows overlap', 't = i - b * length;', 't = i - b * (length - 1);'],
  ),
}
