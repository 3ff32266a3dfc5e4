// Mutants of native/cpu/rope.cc: see cpu.js.

module.exports = {
  'cpu/rope.cc': [
    ['the position forgotten', 'SineAndCosine(position * rates[i])', 'SineAndCosine(rates[i])'],
    ['never backwards', 'inverse ? -1 : 1', '1'],
    ['one sequence’s positions for all', 'r % count * size', 'r % shape.dims[1] * size'],
    ['turned the wrong way', 'a * cosine - b * sine', 'a * cosine + b * sine'],
    ['the first head for all', 'TurnHead(x + r * channels + c,', 'TurnHead(x + r * channels,'],
    ['the last pairs dropped', 'i < pairs; i += 8) {', 'i + 8 <= pairs; i += 8) {'],
    ['rates over all channels', 'static_cast<double>(pairs) * log', 'static_cast<double>(2 * pairs) * log'],
    [
      'a position too far',
      'FirstOutside(positions, count, kRopeLimit)',
      'FirstOutside(positions, count, kRopeLimit + 1)',
    ],
    [
      'the last position may be anything',
      'FirstOutside(positions, count, kRopeLimit)',
      'FirstOutside(positions, count - 1, kRopeLimit)',
    ],
  ],
}
