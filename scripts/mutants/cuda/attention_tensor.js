// Mutants of native/cuda/attention_tensor.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/attention_tensor.cuh': [
    ...alike(
      {
        cases: /^attention bf16 (1x33x1x8|1x65x1x8|1x11x2x33|1x67x2x48 dropout 0.3|scale -0.5, T 29)$/,
        sources: ['attention_bf16.cu'],
      },
      ['rows past the last', 'channel < width && first + n < rows);', 'channel < width);'],
      ['channels past the last', 'channel < width && first + n < rows);', 'first + n < rows);'],
      [
        'channels past the last, one by one',
        'channel + e < width && first + n < rows ?',
        'first + n < rows ?',
      ],
      ['halves of the terms swapped', 'y[half], y[half + 2]}', 'y[half + 2], y[half]}'],
      [
        'matrices in the order of rows',
        'row + Lane() / 16 * 8 + Lane() % 8',
        'row + Lane() / 8 % 2 * 8 + Lane() % 8',
      ],
      ['weights of the row above', 'slab * 2 + i % 2][s / 4', 'slab * 2 + i / 2][s / 4'],
      ['weights of other keys', 's / 4 + i / 2 * 2];', 's / 4 + i % 2 * 2];'],
      [
        'half of the channels',
        'd < kHead; d += 16) {\n      unsigned x',
        'd < kHead; d += 32) {\n      unsigned x',
      ],
      ['rows past the last are written', 'if (Row(i) >= rows) continue;', ''],
      ['pairs where there are none', 'width % 2 == 0 && stride % 2 == 0', 'true'],
      ['the sign stays', '^= 0x80008000u;', '^= 0x8000u;'],
      ['half a row is reduced', 'value = combine(value, __shfl_xor_sync(~0u, value, 2));', ''],
    ),
    [
      'the sign is read too early',
      '// two channels\n    }\n    __syncwarp();\n',
      '// two channels\n    }\n',
      { cases: /^attention bf16 scale -0.5, T 29$/, sources: ['attention_bf16.cu'], races: true },
    ],
  ],
}
