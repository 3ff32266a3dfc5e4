// Mutants of native/cuda/muon.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/muon.cu': alike(
    {
      cases: /^muon (\[[1379],[1379]\]|\[5,31\]|\[31,5\]|.*iterations|.*momentum 0|decay 2.*|\[65,130\])$/,
      work: 1.2e6,
    },
    ['the diagonal is off', 'i % (side + 1) == 0', 'i % side == 0'],
    ['momentum once', 'g.v[j] += momentum * old.v[j];', ''],
    ['a chunk for the norm', 'i < chunks; i += kThreads', 'i < 1; i += kThreads'],
    ['the result is not moved', 'std::swap(x, y);', ''],
    ['the wrong side', 'tall ? self : matrix, tall ? matrix : self', 'matrix, self'],
    ['no longer than wide', 'longer > 1 ? std::sqrt(longer) : 1', '1'],
    [
      'the square of the longer side',
      'rows < columns ? rows : columns), tall',
      'rows > columns ? rows : columns), tall',
    ],
    ['the moment is not stored', 'StoreFour(m, i, end, old);', ''],
    ['m is not checked', 'if (not_finite) NoteNotFinite(control, output);', '', { cases: /^muon refuses/ }],
    [
      'the parameter is not checked',
      'if (updated - updated != 0) NoteNotFinite(control, static_cast<int64_t>(index));',
      '',
      { cases: /^muon refuses/ },
    ],
    [
      'nothing is reported',
      'return ReportNotFinite(call, message);',
      'return Outcome::kOk;',
      { cases: /^muon refuses/ },
    ],
    ['decay is skipped', 'parameter[i] * keep -', 'parameter[i] -'],
    ['not the sum of the square', 'kMuonC * square[i] + kMuonB * gram[i]', 'kMuonC * square[i]'],
    [
      'room for the first matrix only',
      'if (room < lines) room = lines;',
      'if (room == 0) room = lines;',
      { cases: /^muon matrices of all shapes$/, work: 1.2e6 },
    ],
  ),
}
