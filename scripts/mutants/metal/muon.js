// Mutants of native/metal/muon.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/muon.metal': alike(
    { cases: /^muon (\[|the direction|momentum|scale|rate|no decay|decay|of rank|\d)/ },
    ['momentum is not applied', 'g += momentum * now;', 'g = now;'],
    [
      'a chunk is skipped',
      'for (uint i = thread_index; i < arguments.chunks;',
      'for (uint i = thread_index + 1; i < arguments.chunks;',
      { cases: /^muon \[(150|65|130)/, work: 1e8 },
    ],
    [
      'the diagonal of another side',
      '(i + e) % (arguments.side + 1) == 0',
      '(i + e) % (arguments.side + 2) == 0',
    ],
    ['wide matrices as tall', 'tall(rows > columns)', 'tall(rows < columns)'],
    [
      'm is not checked',
      'if (not_finite) NoteNotFinite',
      'if (false) NoteNotFinite',
      { cases: /^muon refuses/ },
    ],
    [
      'the parameter is not checked',
      'i + e < arguments.n && !IsFinite(updated[e])',
      'i + e < 0',
      { cases: /^muon refuses/ },
    ],
    ['no decay', 'fma(-rate, arguments.decay, 1.0f)', '1.0f'],
    ['tall matrices move no further', 'longer > 1 ? std::sqrt(longer) : 1', '1'],
    [
      'b and c change places',
      'kMuonB,\n                                   kMuonC',
      'kMuonC,\n                                   kMuonB',
    ],
  ),
}
