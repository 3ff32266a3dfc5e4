// Mutants of native/cuda/kernel.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/kernel.cuh': [
    ...alike(
      { simt: true },
      ['a launch of no blocks', 'if (grid.blocks == 0 || grid.across', 'if (grid.across'],
      ['a launch of no rows of blocks', '|| grid.across == 0 ||', '||'],
      ['a launch of no layers of blocks', ' || grid.deep == 0) return', ') return'],
      ['too many blocks', 'grid.blocks <= kMostBlocks', 'grid.blocks <= kMostBlocks + 1'],
      ['too many rows of blocks', 'grid.across <= kMostAcross', 'grid.across <= kMostBlocks'],
      ['too many layers of blocks', 'grid.deep <= kMostDeep', 'grid.deep <= kMostBlocks'],
      ['as many blocks as there may be', 'kMostAcross = 65535, kMostDeep', 'kMostAcross = 65534, kMostDeep'],
    ),
    [
      'bf16 is cut off',
      'return __float2bfloat16(value);',
      'return __float2bfloat16(__uint_as_float(__float_as_uint(value) & 0xFFFF0000u));',
      { cases: /^cast f32/, sources: ['cast.cu'] },
    ],
    [
      'ties to the odd one',
      'return __float2bfloat16(value);',
      'return __float2bfloat16(__uint_as_float(__float_as_uint(value) ^ ((__float_as_uint(value) & 0x1FFFF) == 0x8000)));',
      { cases: /^cast values/, sources: ['cast.cu'] },
    ],
    [
      'elements of the first blocks only',
      'i < n; i += step) body(i);',
      'i < n; i += n) body(i);',
      { cases: /^(add|fill) /, sources: ['add.cu', 'fill.cu'] },
    ],
    [
      'whichever output is noted last',
      'atomicMax(&control->not_finite,',
      'atomicExch(&control->not_finite,',
      { cases: /^(adamw|sgd) refuses/, sources: ['adamw.cu', 'sgd.cu'] },
    ],
    [
      'the output before is noted',
      'static_cast<uint32_t>(output + 1)',
      'static_cast<uint32_t>(output)',
      { cases: /^ema refuses/, sources: ['ema.cu'] },
    ],
    [
      'an error does not stop the rest',
      'control->failed = 1;',
      'control->failed = 0;',
      { gpu: true, healthy: true, sources: ['check.cu'] },
    ],
    [
      'an error of another op',
      'control->op = op;',
      'control->op = op + 1;',
      { gpu: true, healthy: true, sources: ['check.cu'] },
    ],
    [
      'reduce: a barrier dropped before reading',
      'room[warp] = value;\n  __syncthreads();\n',
      'room[warp] = value;\n',
      { gpu: true, healthy: true, races: true, sources: ['check.cu'] },
    ],
    [
      'reduce: the first warp only',
      'i < kThreads / kWarp; ++i) value',
      'i < 1; ++i) value',
      { gpu: true, healthy: true, sources: ['check.cu'] },
    ],
    [
      'reduce: half a warp',
      'int offset = kWarp / 2;',
      'int offset = kWarp / 4;',
      { gpu: true, healthy: true, sources: ['check.cu'] },
    ],
  ],
}
