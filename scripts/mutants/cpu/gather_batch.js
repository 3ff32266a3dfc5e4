// Mutants of native/cpu/gather_batch.cc: see cpu.js.

module.exports = {
  'cpu/gather_batch.cc': [
    ['targets are the tokens', 'static_cast<int32_t>(window[t + 1])', 'static_cast<int32_t>(window[t])'],
    ['u8 read as u16', 'corpus.u8()', 'corpus.u16()'],
    ['an offset too far', 'offsets[b] + length >= size', 'offsets[b] + length > size'],
    ['one window for all', 'corpus + offsets[b];', 'corpus + offsets[begin];'],
  ],
}
