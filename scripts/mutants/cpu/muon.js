// Mutants of native/cpu/muon.cc: see cpu.js.

module.exports = {
  'cpu/muon.cc': [
    [
      'b and c exchanged',
      'MulAdd(Set(kMuonC), aa, Set(kMuonB) * a)',
      'MulAdd(Set(kMuonB), aa, Set(kMuonC) * a)',
    ],
    ['a not on the diagonal', 'square[i * side + i] += kMuonA', 'square[i * side] += kMuonA'],
    ['tall: the wrong side', 'product.b = tall ? matrix : self;', 'product.b = self;'],
    ['the step of wide matrices for all', 'longer > 1 ? sqrt(longer) : 1', '1'],
    ['m is not updated', 'StoreLanes(x + i, lanes, g + momentum * new_m)', 'StoreLanes(x + i, lanes, new_m)'],
    ['the norm of the last chunk', 'sum += sums[j];', 'sum = sums[j];'],
    [
      'a scratch too small for later matrices',
      'matrix = Larger(matrix, ',
      'matrix = Smaller(matrix > 0 ? matrix : INT64_MAX, ',
    ],
    ['nothing is reported', 'return flags.Report(call.outputs);', 'return {};'],
    ['one iteration short', 'iteration < params.iterations', 'iteration + 1 < params.iterations'],
  ],
}
