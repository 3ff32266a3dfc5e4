// Mutants of native/metal/masked_softmax.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/masked_softmax.metal': alike(
    { cases: /^masked_softmax (?!.*(NaN|Infinity))/ },
    [
      'a column too many',
      'number % a.rows + 1 + a.columns - a.rows',
      'number % a.rows + 2 + a.columns - a.rows',
      { cases: /^masked_softmax \[5,/ },
    ],
    ['what is hidden stays', '  ClearHidden(to, row, a.columns);\n}\n\n// dx', '}\n\n// dx'],
    [
      'hidden elements of a four are counted',
      'i + j < n ? weights[j] : 0.0f',
      'weights[j]',
      { cases: /^masked_softmax nothing but/ },
    ],
    [
      'the largest is not taken out',
      '(quad - top) * scale',
      'quad * scale',
      { cases: /^masked_softmax .*(up to 1e4|near 1e4|far above)/ },
    ],
    [
      'lanes of other rows',
      'ushort offset = ushort(kRowThreads / 2); offset > 0; offset /= 2) value += ',
      'ushort offset = 16; offset > 0; offset /= 2) value += ',
    ],
    [
      'long rows: the rest is not summed',
      'for (uint k = kHeld; row.At(k) < row.visible; ++k) {\n    sum += softmax',
      'for (uint k = kHeld; false; ++k) {\n    sum += softmax',
      { cases: /^masked_softmax / },
    ],
    [
      'backward: no scale',
      'StoreQuad(to, row.At(k), row.visible, a.scale * held_y[k] * (held_dy[k] - sum));',
      'StoreQuad(to, row.At(k), row.visible, held_y[k] * (held_dy[k] - sum));',
      { cases: /^masked_softmax_backward/ },
    ],
    [
      'backward: long rows: the rest is not summed',
      'for (uint k = kHeld; row.At(k) < row.visible; ++k) {\n    sum += dot',
      'for (uint k = kHeld; false; ++k) {\n    sum += dot',
      { cases: /^masked_softmax_backward/ },
    ],
    [
      'too few groups',
      'DivideUp(total, kGroupThreads / row_threads)',
      'total / (kGroupThreads / row_threads)',
    ],
  ),
}
