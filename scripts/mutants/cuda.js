// Breaks CUDA kernels and what drives them, one change at a time, on the emulated GPU, and demands that case files, the race detector
// or a test of products, instructions or the driver notice every one. Options beside those of hunt.js:
//
//   --emulated FOLDER   CMake's with -DNANO_GPT_CUDA=emulated, where all and nano-gemm-test, nano-ptx-test and nano-simt-test are built
//   --races FOLDER      CMake's with -DNANO_GPT_CUDA=emulated-races, where nano_gpt_cuda and nano-gemm-test are built
//
// Both with CMAKE_EXPORT_COMPILE_COMMANDS.

const { mkdirSync, writeFileSync } = require('node:fs')
const { basename, join, resolve } = require('node:path')
const { argument, parallel } = require('../processes')
const { alike, commandOf, huntOnGpu, programsOf, rebuild, shell, sourcesWith } = require('./gpu')
const { root, work } = require('./hunt')

// See hunt.js and, of how a mutant is judged, gpu.js. Also:
//   ptx: true         runs nano-ptx-test
//   simt: true        runs nano-simt-test
//   sources: [files]  compiles only these, of all that include the file
const mutants = {
  // ---- Instructions.
  'cuda/ptx.cuh': alike(
    { ptx: true },
    [
      'a: rows below where columns to the right belong',
      'row = g + i % 2 * 8, column = 2 * t + i / 2 * 8',
      'row = g + i / 2 * 8, column = 2 * t + i % 2 * 8',
    ],
    ['b: the second register above the first', 'b[2 * t + i * 8][g] =', 'b[2 * t + (1 - i) * 8][g] ='],
    ['tf32 b: transposed', 'b[t + i * 4][g] =', 'b[g][t + i * 4] ='],
    ['tf32: all bits count', 'v & 0xFFFFE000u', 'v'],
    ['sums of another row', 'c[g + i / 2 * 8][2 * t + i % 2];', 'c[g + i % 2 * 8][2 * t + i % 2];'],
    ['ldmatrix.trans transposes nothing', 'o.trans ?', 'false ?'],
    ['ties towards zero', 'bits + 0x1000u', 'bits + 0x0FFFu'],
    ['a NaN becomes infinite', 'x != x ? 0x7FFFFFFFu : std::isinf(x)', 'x != x || std::isinf(x)'],
    ['halves of a pair swapped', '__floats2bfloat162_rn(low, high)', '__floats2bfloat162_rn(high, low)'],
    [
      'the first of a pair is cut off',
      '__floats2bfloat162_rn(low, high)',
      '__floats2bfloat162_rn(__uint_as_float(__float_as_uint(low) & 0xFFFF0000u), high)',
    ],
    ['copies that are not wanted', 'wanted ? global : nullptr, SIMT_PC', 'global, SIMT_PC'],
    ['a wait for too few', 'simt::AsyncWait(kLeft)', 'simt::AsyncWait(kLeft + 1)'],
  ),
  // ---- Products.
  'cuda/gemm.cu': alike(
    { gemm: ['f32 1 x 9 x 4200', 'f32 8 x 33 x 4200'] },
    ['the second part is left out', 'int64_t part = 1; part < parts', 'int64_t part = 2; part < parts'],
    [
      'the first element of the bias for all',
      'dense && target.bias == nullptr ? 0 : i % n',
      'dense ? 0 : i % n',
    ],
    ['a gap between rows is not seen', 'const bool dense = p.c_row == n &&', 'const bool dense ='],
    [
      'scratch for a part too few',
      'parts * p.batch * p.m * p.n) * sizeof',
      '(parts - 1) * p.batch * p.m * p.n) * sizeof',
    ],
    [
      'a row too many for the thin kernel',
      'p.m <= kThinRows',
      'p.m <= kThinRows + 1',
      { gemm: ['f32 9 x 9 x 1,'] },
    ],
    [
      'terms across taken for terms along',
      'across = term_step != 1',
      'across = side_step == 2',
      { gemm: ['f32 4 x 70 x 136'] },
    ],
    [
      'thin products are not rounded',
      'return MultiplyThin(call, message, work, dtype, tf32);',
      'return MultiplyThin(call, message, work, dtype, false);',
      { cases: /^(matmul|linear) tf32 3x/ },
    ],
    [
      'f32 of a bf16 Program is rounded',
      'precision == Precision::kTf32',
      'precision != Precision::kF32',
      { cases: /^batched_matmul bf16/ },
    ],
  ),
  'cuda/gemm_parts.cuh': alike(
    { gemm: ['f32 17 x 15 x 31', 'f32 33 x 65 x 17'], sources: ['gemm_f32.cu'] },
    ['terms past the last', 'last < work.k ? last : work.k};', 'last};'],
    [
      'groups of tiles are never short',
      'above + in_group % rows, in_group',
      'above + in_group % kGroup, in_group',
    ],
    ['c is not added to', 'if (target.accumulate || !turn.first) {', 'if (!turn.first) {'],
    ['columns past the last', 'if (i < left) c[i] = Rounded<C>(sums[i]);', 'c[i] = Rounded<C>(sums[i]);'],
    ['rows past the last', 'if (row >= work.m || column >= work.n) return;', 'if (column >= work.n) return;'],
    [
      'pieces of 16 bytes of any size',
      'return operand.stride % piece == 0 && operand.step % piece == 0 && (operand.across ? sides : terms) % piece == 0 &&\n         ',
      'return operand.step + sides + terms + piece != 0 && ',
    ],
    [
      'all parts go to one place',
      'static_cast<int64_t>(blockIdx.y) * target.part_step',
      '0 * target.part_step',
      { gemm: ['f32 1 x 9 x 4200'], sources: ['gemm_thin.cu'] },
    ],
    [
      'all matrices are the first',
      'place.matrix * operand.step + side',
      '0 * operand.step + side',
      { gemm: ['f32 5 x 17 x 9'], sources: ['gemm_thin.cu'] },
    ],
    [
      'the bias in every turn',
      'if (turn.last && target.bias != nullptr) {',
      'if (target.bias != nullptr) {',
      { gemm: ['f32 9 x 12 x 1100'], sources: ['gemm_f32.cu'] },
    ],
    [
      'relu hides a NaN',
      'sums[i] = sums[i] < 0 ? 0 : sums[i];',
      'sums[i] = sums[i] > 0 ? sums[i] : 0;',
      { cases: /^linear .*NaN/, sources: ['gemm_f32.cu', 'gemm_thin.cu'] },
    ],
  ),
  'cuda/gemm_f32.cu': alike(
    { gemm: ['f32 17 x 15 x 31', 'f32 33 x 65 x 17'] },
    ['no barrier before the first step', '    __syncthreads();\n    int now = 0;', '    int now = 0;'],
    [
      'no barrier between steps',
      '        b.Store(tiles_b[now ^ 1]);\n      }\n      __syncthreads();\n',
      '        b.Store(tiles_b[now ^ 1]);\n      }\n',
    ],
    ['one buffer for all steps', 'a.Store(tiles_a[now ^ 1]);', 'a.Store(tiles_a[now]);'],
    [
      'the last step is whole',
      'a.Load(left - kStep);\n        b.Load(left - kStep);',
      'a.Load(left);\n        b.Load(left);',
    ],
    [
      'rows that are not there',
      'sides_(AtMost<kSides>(sides) - Side())',
      'sides_(kSides + 0 * static_cast<int>(sides) - Side())',
    ],
    [
      'a run of rows in the place of another',
      'row + i / kRun * 16 + i % kRun',
      'row + i / kRun * 8 + i % kRun',
    ],
    [
      'later turns are not added',
      'turn.first = false) {',
      'turn.first = true) {',
      { gemm: ['f32 9 x 12 x 1100'] },
    ],
    [
      'a run of columns of a large tile',
      'corner[1] + column + r * 32',
      'corner[1] + column + r * 4',
      { gemm: ['f32 130 x 66 x 1100'] },
    ],
    ['only four of eight terms', 'p < kStep; ++p', 'p < kStep / 2; ++p'],
    [
      'a step is met twice',
      'from_ += kAcross ? kStep * stride_ : kStep;',
      'from_ += kAcross ? kStep * stride_ : kStep / 2;',
    ],
  ),
  'cuda/gemm_thin.cu': alike(
    { gemm: ['f32 3 x 33 x 65', 'f32 4 x 70 x 136'] },
    ['a column past the last', 'column + j < work.n ? column + j : work.n - 1', 'column + j'],
    ['a last piece that is whole', 'AtMost<kPiece>(terms - p)', 'kPiece'],
    ['every second piece', 'p += kWarp * kPiece', 'p += 2 * kWarp * kPiece'],
    ['every second column', 'lane == i * kAlongColumns + j', 'lane == i * kAlongColumns + kWarp * j'],
    ['a read along where it lies across', '!work.a.across && InPieces(work.a', 'InPieces(work.a'],
    [
      'no barrier before the sum',
      'room[warp][i][lane] = sums[i];\n  __syncthreads();\n',
      'room[warp][i][lane] = sums[i];\n',
    ],
    ['a warp short', 'i < kAcrossWarps; ++i', 'i < kAcrossWarps - 1; ++i'],
    ['a row too many', 'work.m <= 4 ?', 'work.m <= 5 ?', { gemm: ['f32 5 x 17 x 9'] }],
    [
      'bf16 taken for floats of half the piece',
      'constexpr int kPiece = 16 / sizeof(T);\n  if (Stopped',
      'constexpr int kPiece = 4;\n  if (Stopped',
      { gemm: ['bf16 to f32 4 x 70 x 136'] },
    ],
    ...alike(
      { cases: /^(matmul|linear|matmul_accumulate) tf32 [138]x/ },
      ['tf32 is not rounded', '__uint_as_float(ptx::to_tf32(x.value))', 'x.value'],
      [
        'tf32 is cut off',
        '__uint_as_float(ptx::to_tf32(x.value))',
        '__uint_as_float(__float_as_uint(x.value) & 0xFFFFE000u)',
      ],
      ['f32 is tf32', ': StartOf<float>(call', ': StartOf<Tf32>(call', { gemm: ['f32 3 x 33 x 65'] }],
    ),
  ),
  'cuda/gemm_tensor.cuh': [
    ...alike(
      { gemm: ['tf32 64 x 64 x 64', 'tf32 65 x 72 x 24'], sources: ['gemm_tf32.cu'] },
      ['a wait for one step too few', 'cp_async_wait<kStages - 2>()', 'cp_async_wait<kStages - 1>()'],
      ['no wait for copies', '    ptx::cp_async_wait<kStages - 2>();\n', ''],
      ['no barrier', "    __syncthreads();  // everyone's copies", "    // everyone's copies"],
      [
        'steps of nothing do not count',
        '    ptx::cp_async_commit();  //',
        '    if (step < steps) ptx::cp_async_commit();  //',
      ],
      [
        'a stage is left out',
        'step < kStages - 1; ++step) load(step);',
        'step < kStages - 2; ++step) load(step);',
      ],
      [
        'copies past the end',
        'ptx::cp_async16(to + i * kApart * kStride, from, count > 0);',
        'ptx::cp_async16(to + i * kApart * kStride, from, true);',
      ],
      [
        'the tail of a piece further on',
        'left - Term() - i * kApart : left - Term();',
        'left - Term() : left - Term();',
      ],
      ['rows of a fragment', 'lane / 4 + e / 2 * 8', 'lane / 4 + e / 2 * 4'],
      ['the halves of b swapped', 'y[j][1] = both[2];', 'y[j][1] = both[1];'],
      [
        'not rounded but cut off',
        'x[i] = ptx::to_tf32(__uint_as_float(x[i]));',
        'x[i] = x[i] & 0xFFFFE000u;',
      ],
      [
        'a stage is filled while others read it',
        "    __syncthreads();  // everyone's copies have arrived, and all have done with the stage that is filled now\n    load(step + kStages - 1);\n",
        '    load(step + kStages - 1);\n    __syncthreads();\n',
        { gemm: ['tf32 64 x 136 x 96'], sources: ['gemm_tf32.cu'], races: true },
      ],
    ),
    ...alike(
      { gemm: ['bf16 to f32 64 x 64 x 64', 'bf16 to f32 65 x 72 x 24'], sources: ['gemm_bf16.cu'] },
      ['no wait for copies', '    ptx::cp_async_wait<kStages - 2>();\n', ''],
      ['the first half of a step twice', '+ half * 32 + lane', '+ lane'],
      ['sides of an ldmatrix across', 'side + lane / 8 % 2 * 8', 'side + lane / 16 * 8'],
      [
        'terms past the last, one by one',
        'e < count ? from[e] :',
        'count > 0 ? from[e] :',
        { gemm: ['bf16 to f32 33 x 65 x 17'], sources: ['gemm_bf16.cu'] },
      ],
      [
        'c of bf16 as floats',
        'Put<sizeof(T) == 2>',
        'Put<false>',
        { gemm: ['bf16 to bf16 17 x 15 x 31'], sources: ['gemm_bf16.cu'] },
      ],
    ),
  ],
  'cuda/linear.cu': alike(
    { cases: /^linear 7x\d+x\d+( relu)?$/ },
    ['no bias', '  product.bias = Input<float>(call, 2);\n', ''],
    ['no relu', 'call.params->as<LinearParams>().relu', 'false'],
    [
      'rows a row short',
      'product.m = x.elements() / product.k;',
      'product.m = x.elements() / product.k - 1;',
    ],
  ),
  'cuda/batched_matmul.cu': alike(
    { cases: /^batched_matmul \[[23]\] [57]x[37]x\d( tb| ta)?(, . shared)?$/ },
    ['all products in one place', 'products.c_step = p.each.m * p.each.n;', 'products.c_step = 0;'],
    ['a is shared', 'products.a.step = p.a_step,', 'products.a.step = 0,'],
    ['a product short', 'products.batch = p.batch;', 'products.batch = p.batch - 1;'],
  ),
  'cuda/matmul_accumulate.cu': alike({ cases: /^matmul_accumulate 7x5x\d$/ }, [
    'nothing is added',
    'product.accumulate = true;',
    'product.accumulate = false;',
  ]),
  'gpu/product.h': alike(
    { cases: /^matmul 7x5x\d( t. tb| t.)?$/, sources: ['matmul.cu'] },
    ['a is not transposed', 'Matrix{nullptr, 1, p.m}', 'Matrix{nullptr, p.k, 1}'],
    ['rows of b too long', ': Matrix{nullptr, p.n, 1}', ': Matrix{nullptr, p.k, 1}'],
  ),
  'cuda/products.cuh': alike(
    { cases: /^matmul bf16 (3x33|17x31).*/, sources: ['matmul.cu'] },
    [
      'operands taken for f32',
      'product.dtype = call.inputs[first].spec->dtype',
      'product.dtype = Dtype::kF32',
    ],
    ['a result like the operands', 'c_dtype = call.outputs[0]', 'c_dtype = call.inputs[first]'],
    [
      'f32 whatever the precision',
      'call.scratch, call.precision)',
      'call.scratch)',
      { cases: /^matmul tf32 (3x33|17x31).*/, sources: ['matmul.cu'] },
    ],
  ),
  // ---- Other ops.
  'cuda/add.cu': alike(
    { cases: /^add / },
    ['the first elements of b for all', 'period == n ? i : i % period', 'period == n ? i : 0'],
    ['b is as long as a', 'period == n ? i : i % period', 'i'],
    ['a quad of b across its end', 'period == n || InQuads(period)', 'true'],
    ['the next of b past its end', '(in_b + k) % period', 'in_b + k'],
    ['a quad short', 'DivideUp(n, kQuad)', 'n / kQuad'],
    ['one past the end', 'StoreQuad(y, i, n,', 'StoreQuad(y, i, n + 1,'],
    ['another sum', 'MapQuad(Add(), ', 'MapQuad(Larger(), '],
    ['bf16 taken for f32', 'b = FloatInput(call, 1)', 'b = Input<float>(call, 1)', { cases: /^add .* bf16/ }],
  ),
  'cuda/cast.cu': alike(
    { cases: /^cast / },
    ['another number', 'return x;', 'return x + x;'],
    ['f32 into f32', 'FloatOutput(call, 0)', 'Output<float>(call, 0)'],
    ['f32 out of f32', 'FloatInput(call, 0)', 'Input<float>(call, 0)'],
  ),
  'cuda/floats.cuh': alike(
    { cases: /^(relu|layer_norm) .* bf16/, sources: ['relu.cu', 'layer_norm.cu'] },
    ['fours of bf16 taken for f32', 'bf16 ? ToFloat(At<Bf16Four>(i)) : ', ''],
    ['fours of f32 taken for bf16', 'bf16 ? ToFloat(At<Bf16Four>(i))', 'true ? ToFloat(At<Bf16Four>(i))'],
    ['the third of four twice', 'HighHalf(four.back)', 'LowHalf(four.back)'],
    ['the last of four twice', 'ptx::pack_bf16(value.z, value.w)', 'ptx::pack_bf16(value.w, value.w)'],
    ['fours that are not aligned', '(bf16 ? sizeof(Bf16Four) : sizeof(float4))', '(bf16 ? 2 : 4)'],
    ['single elements are f32', 'bf16 ? ToFloat(At<__nv_bfloat16>(i)) : ', ''],
    ['elements of bf16 are as far apart as of f32', 'i * (bf16 ? 2 : 4)', 'i * 4'],
    ['all is f32', 'tensor.spec->dtype == Dtype::kBf16', 'false'],
  ),
  'cuda/fill.cu': alike(
    { cases: /^fill / },
    ['zeros', 'y[i] = bits', 'y[i] = 0'],
    ['every second element', 'y[i] = bits', 'y[i / 2 * 2] = bits'],
    ['an element short', 'OutputShape(call, 0).elements(), [=]', 'OutputShape(call, 0).elements() - 1, [=]'],
  ),
  'cuda/attention.cuh': [
    ...alike(
      {
        cases: /^attention (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|2x25x6 on 2x5)$/,
        sources: ['attention.cu'],
      },
      ['rows past the last', 'channel < width && first + n < rows', 'channel < width'],
      ['channels past the last', 'channel < width && first + n < rows', 'first + n < rows'],
      [
        'the mask begins with a block',
        'const unsigned at = begin % 4 + static_cast',
        'const unsigned at = static_cast',
      ],
      ['masks of one block only', '(first + query * stride) / 4 + block', '(first + query * stride) / 4'],
      ['lse of base 2', 'ShiftOf(top) * kLn2 + logf(sum)', 'ShiftOf(top) + logf(sum)'],
      ['scores of the first channels', 'd < width; d += 4', 'd + 4 < width; d += 4'],
      ['rows past the last are written', 'if (Row(i) >= rows) continue;', ''],
      [
        'weights are read too early',
        '= weights[i][j];\n    }\n    __syncwarp();\n',
        '= weights[i][j];\n    }\n',
      ],
    ),
    [
      'weights are written too early',
      'float* to) {\n    __syncwarp();\n',
      'float* to) {\n',
      {
        cases: /^attention_backward 1x3x1x7$|^attention_backward 1x33x1x7$/,
        sources: ['attention_backward.cu'],
        races: true,
      },
    ],
  ],
  'cuda/attention.cu': alike(
    { cases: /^attention (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|2x25x6 on 2x5|2x9x3x8 at 1 of 39)$/ },
    ['a key too many', 'Tile::Column(j) <= last ?', 'Tile::Column(j) <= last + 1 ?'],
    ['sums are not scaled down', 'sums[i][c] *= by;', 'sums[i][c] *= 1;'],
    ['a stale maximum', 'tops[i] = top;\n      totals', 'totals'],
    [
      'no barrier between tiles',
      '    __syncthreads();  // the next tile takes',
      '    // the next tile takes',
    ],
    [
      'heads share keys in another order',
      'head / s.group * s.head_size',
      'head % (s.heads / s.group) * s.head_size',
    ],
    [
      'dropout by another row',
      'kept.At(Tile::Row(i), Tile::Column(j))',
      'kept.At(Tile::Row(i) ^ 1, Tile::Column(j))',
    ],
    [
      'dropout before the total',
      'totals[i] += scores[i][j];',
      'totals[i] += scores[i][j] * (drop && !kept.At(Tile::Row(i), Tile::Column(j)) ? 0.0f : 1.0f);',
    ],
    ['the lse of a query past the last', 'Tile::Sharer() == 0 && Tile::Row(i) < rows', 'Tile::Sharer() == 0'],
    [
      'the start is not seen',
      'const int64_t start = a.start != nullptr ? a.start[batch] : 0;',
      'const int64_t start = 0;',
    ],
    [
      'of a start and its slot the slot',
      'bad_start ? JudgeRange',
      'false ? JudgeRange',
      { cases: /^attention refuses/ },
    ],
    ['slots are not checked', '|| slot[i] < 0 || slot[i] > last_slot', '', { cases: /^attention refuses/ }],
    [
      'the last start is not allowed',
      'start[i] > last_start ||',
      'start[i] >= last_start ||',
      { cases: /^attention 1x1x1x7 at 0 of [1-3]$|^attention 1x1x2x7 at 1 of 2$/ },
    ],
    [
      'places are not checked',
      'if (p.cached) {\n    const Outcome',
      'if (false) {\n    const Outcome',
      { cases: /^attention refuses/ },
    ],
    [
      'no barrier between parts of a head',
      'if (c > 0) __syncthreads();',
      '',
      { cases: /^attention 1x37x1x130 dropout/, races: true, work: 1e6 },
    ],
    [
      'a part in the place of another',
      'a.y + at + own, s.channels',
      'a.y + at, s.channels',
      { cases: /^attention 1x37x1x130 dropout/ },
    ],
  ),
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
  'cuda/attention_bf16.cu': alike(
    {
      cases:
        /^attention bf16 (1x65x1x8|1x129x1x8|2x130x2x5 dropout 0.5|2x67x6 on 2x8|scale -?\d.*|1x290x1x8)$/,
    },
    [
      'a key too many',
      'if (Tile::Column(j) > Tile::Row(i) + ahead)',
      'if (Tile::Column(j) > Tile::Row(i) + ahead + 1)',
    ],
    [
      'no mask where one is wanted',
      'Tile::FirstRow() + ahead < Tile::kStreamed - 1',
      'Tile::FirstRow() + ahead < 0',
    ],
    [
      'sums are not scaled down',
      'sums[i][c] *= by;\n#pragma unroll\n      for (int j',
      'sums[i][c] *= 1;\n#pragma unroll\n      for (int j',
    ],
    ['a stale maximum', 'tops[i] = top;\n      totals', 'totals'],
    ['lse without the scale', 'LogSumExp(tops[i] * scale, total)', 'LogSumExp(tops[i], total)'],
    ['a scale of 0', 'fmaxf(fabsf(a.binary_scale), 1e-30f)', 'fabsf(a.binary_scale)'],
    ['a negative scale', 'if (key == 0 && a.binary_scale < 0)', 'if (false)'],
    ['the sign of every tile', 'if (key == 0 && a.binary_scale < 0)', 'if (a.binary_scale < 0)'],
    ['warps skip a tile that they see', '+ Tile::kWarpRows <= key) continue;', '<= key) continue;'],
    ['dropout is not made up for', 'a.dropout.rng != nullptr ? a.dropout.rule.scale : 1.0f', '1.0f'],
    [
      'dropout of other rows',
      'kept.At(Tile::Row(i), Tile::Column(j))',
      'kept.At(Tile::Row(i) ^ 1, Tile::Column(j))',
    ],
    [
      'the mask of the first tile',
      '(number * s.queries + query) * static_cast<uint64_t>(s.keys) + key;',
      '(number * s.queries + query) * static_cast<uint64_t>(s.keys);',
    ],
    [
      'heads share keys in another order',
      'head / s.group * s.head_size',
      'head % (s.heads / s.group) * s.head_size',
    ],
    ['copies are not waited for', '    ptx::cp_async_wait<0>();\n', ''],
    ['no barrier between tiles', '    __syncthreads();  // everyone', '    // everyone'],
    ['one place for all tiles', 'key / Tile::kStreamed % 2 * stage_bytes', '0 * key * stage_bytes'],
  ),
  'cuda/attention_backward_bf16.cu': alike(
    {
      cases:
        /^attention_backward bf16 (1x65x1x8|1x129x1x8|1x67x2x48 dropout 0.3|1x67x2x128 dropout 0.3|2x67x6 on 2x8|1x290x1x8)$/,
    },
    ['no delta', 'scores[i][j] * (slopes[i][j] - deltas[At(i, j)])', 'scores[i][j] * slopes[i][j]'],
    ['no scale', 'sums_a[i][c] *= b.scale;', ';'],
    ['a query does not see its own key', 'row - ahead > column ||', 'row - ahead >= column ||'],
    ['a query sees the next key', 'column - ahead > row) scores', 'column - ahead > row + 1) scores'],
    [
      'no mask where one is wanted',
      'Tile::FirstRow() + Tile::kWarpRows - 1 <= ahead',
      'Tile::FirstRow() <= ahead',
    ],
    [
      'no mask for keys ahead',
      'return Tile::kStreamed - 1 - ahead <= Tile::FirstRow();',
      'return -ahead <= Tile::FirstRow();',
    ],
    [
      'warps skip a tile that they see',
      ': -ahead > Tile::FirstRow() + Tile::kWarpRows - 1',
      ': -ahead > Tile::FirstRow() - 1',
    ],
    [
      'dropout turned',
      'kept.At(kOfKeys ? column : row, kOfKeys ? row : column)',
      'kept.At(kOfKeys ? row % 32 : column % 32, kOfKeys ? column : row)',
    ],
    ['dropout for one gradient only', 'scores[i][j] *= factor;', ''],
    ['lse of base e', '? b.lse[query] * static_cast<float>(kLog2E) : 0.0f', '? b.lse[query] : 0.0f'],
    ['only the first of heads that share', 'static_cast<int>(kOfKeys ? s.group : 1) * tiles', 'tiles'],
    [
      'statistics of another head',
      'b, met.index * s.queries + met.first, columns',
      'b, number * s.queries + met.first, columns',
    ],
    [
      'queries before the first key are met',
      'begin = kOfKeys ? own : 0',
      'begin = kOfKeys ? own + Tile::kStreamed : 0',
    ],
    ['copies are not waited for', '    ptx::cp_async_wait<0>();\n', ''],
    ['no barrier between tiles', '    __syncthreads();  // everyone', '    // everyone'],
    ['one place for all tiles', 'n % 2 * stage_bytes', '0 * n * stage_bytes'],
  ),
  'cuda/attention_few.cu': alike(
    {
      cases:
        /^attention (1x3x1x7|2x3x2 on 1x5|2x3x2x5 at 5 of 19 dropout 0.4|1x1x1x9 at 2.. of 300|1x3x1x9 at 2.. of 300|3x3x4 on 2x7 at .*|1x3x2x32)$/,
    },
    ['a key too few', 'seen[r] = start + t + 1;', 'seen[r] = start + t;'],
    [
      'keys past the last',
      'k[u] = load(a.k + from + key * s.kv_channels, key < end);',
      'k[u] = load(a.k + from + key * s.kv_channels, true);',
    ],
    [
      'totals of other maxima',
      'total = fmaf(all_totals[g][r], by, total);',
      'total = fmaf(all_totals[g][r], 1.0f, total);',
    ],
    [
      'no barrier',
      '    all_sums[group][r][channel(3)] = sums[r].w;\n  }\n  __syncthreads();\n',
      '    all_sums[group][r][channel(3)] = sums[r].w;\n  }\n',
    ],
    ['splits overlap', 'Smaller()(begin + split.keys, most)', 'Smaller()(begin + split.keys + 1, most)'],
    [
      'the last split is left out',
      'for (int64_t i = 0; i < split.count; ++i) {',
      'for (int64_t i = 0; i < split.count - 1; ++i) {',
    ],
    [
      'dropout of another key',
      'index[r] * static_cast<uint64_t>(s.keys) + key',
      'index[r] * static_cast<uint64_t>(s.keys) + key + 1',
    ],
    ['a stale maximum', 'tops[r] = top;\n      totals', 'totals'],
    ['the last of many rows is not written', 'if (row + r >= count ||', 'if (row + r + 1 >= count ||'],
    ['the slot is not seen', '(a.slot != nullptr ? a.slot[batch] : batch)', 'batch'],
    [
      'scratch for one float less',
      'splits * (s.head_size + 2)) * sizeof',
      'splits * (s.head_size + 1)) * sizeof',
    ],
  ),
  'cuda/attention_backward.cuh': alike(
    {
      cases: /^attention_backward (1x65x1x7|bf16 1x65x1x8|bf16 1x67x2x48 dropout 0.3)$/,
      sources: ['attention_backward.cu', 'attention_backward_bf16.cu'],
    },
    ['lse of base e', '* static_cast<float>(kLog2E) : 0.0f', ': 0.0f'],
    [
      'statistics of queries behind the last',
      'i < count ? b.deltas[query + i] : 0.0f',
      'b.deltas[query + i]',
    ],
    ['deltas of the first', 'b.deltas[query + i]', 'b.deltas[query]'],
    [
      'masks of too few queries',
      'kQueries = kOfKeys ? Tile::kStreamed : Tile::kOwn',
      'kQueries = Tile::kStreamed',
    ],
  ),
  'cuda/attention_backward.cu': alike(
    {
      cases: /^attention_backward (1x3x1x7|1x33x1x7|1x65x1x7|2x17x2x5 dropout 0.5|1x11x2x33|2x25x6 on 2x5)$/,
    },
    ['no delta', '(slope * factor - delta)', '(slope * factor)'],
    ['no scale', ' - delta) * b.scale', ' - delta)'],
    ['a query does not see its own key', 'row - ahead > column ||', 'row - ahead >= column ||'],
    ['only the first of heads that share', 'h < (kOfKeys ? s.group : 1)', 'h < 1'],
    [
      'the first tile of queries is left out',
      'begin = kOfKeys ? own : 0',
      'begin = kOfKeys ? own + Tile::kStreamed : 0',
    ],
    [
      'dropout turned',
      'kept.At(kOfKeys ? column : row, kOfKeys ? row : column)',
      'kept.At(kOfKeys ? row % 32 : column, kOfKeys ? column : row % 32)',
    ],
    [
      'no barrier between tiles',
      '      __syncthreads();  // the next tile takes',
      '      // the next tile takes',
    ],
    [
      'statistics of another head',
      'b, index * s.queries + met, columns',
      'b, number * s.queries + met, columns',
    ],
    ['deltas of 32 channels', 'c < s.head_size; c += kWarp', 'c < s.head_size; c += s.head_size'],
    ['the slopes are forgotten', '      Tile::StoreWeights(slopes, weights);\n', ''],
    [
      'of the last tile of a head the last part',
      'if (part + 1 < parts.count) {',
      'if (false) {',
      { cases: /^attention_backward 1x37x1x130 dropout/ },
    ],
    ['statistics of no one', 'if constexpr (!kOfKeys) {\n    Load', 'if constexpr (false) {\n    Load'],
  ),
  'cuda/layer_norm.cu': alike(
    { cases: /^layer_norm(_backward)? (\[(3,\d|65,11|5,257|1100,65)\]|epsilon.*|all equal)$/ },
    [
      'elements behind the row count',
      'const float d = i + j < n ? a[0].v[j] - center : 0;',
      'const float d = a[0].v[j] - center;',
    ],
    ['no epsilon', '/ count + epsilon)', '/ count)'],
    ['no bias', '* factor * g.v[j] + b.v[j]', '* factor * g.v[j]'],
    ['rows past the last', 'if (mine && Plan::Lane() == 0) {', 'if (Plan::Lane() == 0) {'],
    ['the mean of g is left', '- mean_g - z * mean_gz', '- z * mean_gz'],
    ['the mean of g·z is left', '- mean_g - z * mean_gz', '- mean_g'],
    ['one sum for both', 'biases.Add(k, i, n, a[1]);', 'biases.Add(k, i, n, dyz);'],
    ['slabs overlap', '(blockIdx.x) * 2 * n;', '(blockIdx.x) * n;'],
    ['sums are not cleared', '  biases.Clear(n);\n', ''],
    ['the sums of a slab are kept', '  biases.Finish(n, columns);\n', ''],
    ...alike(
      { cases: /^layer_norm(_backward)? \[(3,5|7,8|65,11|3,2500)\], bf16/ },
      ['y taken for f32', 'FloatOutput(call, 0)', 'Output<float>(call, 0)'],
      ['dy taken for f32', 'FloatInput(call, 4)', 'Input<float>(call, 4)'],
    ),
  ),
  'cuda/rms_norm.cu': alike(
    {
      cases:
        /^rms_norm(_backward)? (\[(3,\d|65,11|5,257|1100,65)\] in 1.*|\[5,9\] in 3.*|epsilon.*|all 0|tiny)$/,
    },
    ['no epsilon', '/ static_cast<float>(n) + epsilon)', '/ static_cast<float>(n))'],
    ['rows past the last', 'if (mine && Plan::Lane() == 0) rstd', 'if (Plan::Lane() == 0) rstd'],
    [
      'the mean of a longer row',
      'Plan::Reduce(products, room, Add()) / static_cast<float>(n)',
      'Plan::Reduce(products, room, Add()) / static_cast<float>(n + 1)',
    ],
    ['the gain is left out of the mean', 'products += dyz.v[j] * weight.v[j];', 'products += dyz.v[j];'],
    ...alike(
      { cases: /^rms_norm(_backward)? \[(3,15|7,8|65,11)\].* bf16/ },
      ['y taken for f32', 'FloatOutput(call, 0)', 'Output<float>(call, 0)'],
      ['dy taken for f32', 'FloatInput(call, 2)', 'Input<float>(call, 2)'],
    ),
    ['one slab for all', '(blockIdx.x) * n;', '(blockIdx.x) * 0;'],
    [
      'without a gain it is 0',
      'gain == nullptr ? Four{{1, 1, 1, 1}}',
      'gain == nullptr ? Four{{1, 1, 1, 0}}',
    ],
    [
      'a row that is not there',
      'HeldRows<Plan, 1> row;\n    row.rows[0] = x + r * n, row.n = mine ? n : 0',
      'HeldRows<Plan, 1> row;\n    row.rows[0] = x + r * n, row.n = n',
    ],
  ),
  'cuda/rows.cuh': [
    ...alike(
      {
        cases: /^layer_norm(_backward)? \[(3,\d|65,11|5,257|35,3001|1100,65)\]$/,
        sources: ['layer_norm.cu'],
      },
      ['what is behind a row', 'i + j >= 0 && i + j < n ? row.Get', 'i + j >= 0 ? row.Get'],
      [
        'fours that are not aligned',
        'if (i >= 0 && i + 4 <= n && row.IsFour(i)) {',
        'if (i >= 0 && i + 4 <= n) {',
      ],
      [
        'fours that are not whole',
        'if (i >= 0 && i + 4 <= n && row.IsFour(i)) return',
        'if (i >= 0 && i < n && row.IsFour(i)) return',
      ],
      ['the first group only', 'if (group > 0) {', 'if (group > 1) {'],
      ['no barrier between groups', 'if (Plan::kRows > 1) __syncthreads();', ''],
      ['pairs are read too early', 'room[warp][1] = b;\n      __syncthreads();\n', 'room[warp][1] = b;\n'],
      [
        'half a row',
        'i < kWarps; ++i) a +=',
        'i < kWarps / 2; ++i) a +=',
        { cases: /^layer_norm_backward \[35,3001\]$/, sources: ['layer_norm.cu'] },
      ],
      [
        'sums of long rows are not cleared',
        '      StoreFour(slab, i, n, {{0, 0, 0, 0}});\n',
        '',
        { cases: /^rms_norm_backward \[5,5003\] in 1$/, sources: ['rms_norm.cu'] },
      ],
      [
        'what is not held begins late',
        'Start(Plan::kHeld * Plan::kThreads + Plan::Lane()); i < n;',
        'Start(Plan::kHeld * Plan::kThreads + Plan::Lane() + 1); i < n;',
        { cases: /^rms_norm_backward \[5,5003\] in 1$/, sources: ['rms_norm.cu'] },
      ],
      [
        'what is before a row',
        'if (i + j >= 0 && i + j < n) row.Set',
        'if (i + j < n) row.Set',
        { cases: /^masked_softmax(_backward)? \[\d,\d\]$/, sources: ['masked_softmax.cu'] },
      ],
    ),
    [
      'sums are overwritten too early',
      'a += room[i][0], b += room[i][1];\n      __syncthreads();\n',
      'a += room[i][0], b += room[i][1];\n',
      { cases: /^layer_norm_backward \[35,3001\]$/, sources: ['layer_norm.cu'], races: true, work: 1e6 },
    ],
  ],
  'cuda/rows.cu': alike(
    { cases: /^layer_norm_backward \[(35,3001|1100,65|65,11|5,257)\]$/ },
    ['no barrier', 'room[part][lane] = sum;\n  __syncthreads();\n', 'room[part][lane] = sum;\n'],
    ['a warp short', 'i < kParts; ++i) sum', 'i < kParts - 1; ++i) sum'],
    ['slabs are skipped', 'slab += kParts', 'slab += kParts + 1'],
    ['the second sums in the first', 'second[column - n]', 'first[column - n]'],
    ['columns past the last', 'if (part != 0 || column >= width) return;', 'if (part != 0) return;'],
  ),
  'cuda/masked_softmax.cu': alike(
    { cases: /^masked_softmax(_backward)? (\[\d,\d\]|\[.*65.*\]|.*scale.*|NaN.*)/ },
    ['a column too few', 'r % rows + 1 + columns - rows; }', 'r % rows + columns - rows; }'],
    ['all matrices are one', 'return r % rows + 1', 'return r + 1'],
    ['hidden columns stay', 'if (mine) ClearHidden<Plan>(to, row.n, causal.columns);', ''],
    [
      'hidden columns stay in the gradient',
      'if (mine) ClearHidden<Plan>(dx + at, row.n, causal.columns);',
      '',
    ],
    ['no sum taken out', '(a[1].v[j] - sum)', 'a[1].v[j]'],
    [
      'no scale in the sum',
      'i + j < row.n ? expf((a[0].v[j] - top) * scale) : 0',
      'i + j < row.n ? expf((a[0].v[j] - top)) : 0',
    ],
    ['no scale in the gradient', 'scale * a[0].v[j] * (a', 'a[0].v[j] * (a'],
    [
      'a row begins elsewhere',
      'row.rows[0] = y + at, row.rows[1] = dy + at',
      'row.rows[0] = y + at, row.rows[1] = dy + at + 1',
    ],
  ),
  'cuda/cross_entropy.cu': alike(
    { cases: /^cross_entropy(_backward)? (3x\d|65x11|5x257|2x1003|.*far above|-Inf.*|up to 1e4|rank \d)$/ },
    ['a stale sum', 'mass.sum = mass.SumAt(shift);', 'mass.sum = mass.sum;'],
    [
      'sums of other maxima',
      'both.sum = a.SumAt(shift) + b.SumAt(shift);',
      'both.sum = a.sum + b.SumAt(shift);',
    ],
    [
      'no loss of the first row',
      'loss += of_row -',
      'loss = of_row -',
      { cases: /^cross_entropy 131107x2$/ },
    ],
    ['not the mean', 'sum / static_cast<double>(rows)', 'sum'],
    [
      'the gradient taken for f32',
      'FloatOutput(call, 0)',
      'Output<float>(call, 0)',
      { cases: /^cross_entropy_backward .* bf16/ },
    ],
    ['the target is one later', 'row[targets[r]]', 'row[targets[r] ^ (n > 1 ? 1 : 0)]'],
    ['of all elements of a four', '(i + j == target ? probability - 1', '(i == target ? probability - 1'],
    ['not divided by the rows', '*dloss / static_cast<float>(rows)', '*dloss'],
    [
      '-Infinity is a scale',
      'return top == -INFINITY ? 0 : top;',
      'return top;',
      { cases: /^cross_entropy -Inf/ },
    ],
    ['the last block is left out', 'i < blocks; i += kMeanThreads', 'i < blocks - 1; i += kMeanThreads'],
    [
      'targets are not checked',
      '  Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, Complaint::kTarget, 0, n - 1);',
      'Outcome outcome = Outcome::kOk;',
      { cases: /^cross_entropy refuses/ },
    ],
    [
      'targets of the gradient are not checked',
      'const Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, Complaint::kTarget, 0, n - 1);',
      'const Outcome outcome = Outcome::kOk;',
      { cases: /^cross_entropy_backward refuses/ },
    ],
    [
      'the vocabulary is a target',
      '  Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, Complaint::kTarget, 0, n - 1);',
      '  Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, Complaint::kTarget, 0, n);',
      { cases: /^cross_entropy refuses/ },
    ],
    [
      'a warp is read too early',
      'room[threadIdx.x / kWarp][1] = mass.sum;\n    }\n    __syncthreads();\n',
      'room[threadIdx.x / kWarp][1] = mass.sum;\n    }\n',
      { cases: /^cross_entropy 3x40009$/ },
    ],
  ),
  'cuda/rope.cu': alike(
    { cases: /^rope (\[2,3,\d+\] in 2.*|\[3,67,160\] in 5.*|\[2,2,5000\] in 1.*|far, backwards|base 100)$/ },
    ['forwards where it goes back', 'sign * turn.sine', 'turn.sine'],
    ['turned the wrong way', 'cosine.v[j] - b.v[j]', 'cosine.v[j] + b.v[j]'],
    ['angles of the first pairs again', 'static_cast<double>(first + i)', 'static_cast<double>(i)'],
    [
      'angles are read too early',
      '    }\n    __syncthreads();\n    const int64_t fours',
      '    }\n    const int64_t fours',
    ],
    [
      'angles are overwritten too early',
      '    }\n    __syncthreads();\n  }\n}',
      '    }\n  }\n}',
      { cases: /^rope \[2,2,5000\] in 1/, races: true },
    ],
    ['a head short', 'of_row = fours * sizes.heads', 'of_row = fours * (sizes.heads - 1)'],
    ['y taken for f32', 'FloatOutput(call, 0)', 'Output<float>(call, 0)', { cases: /^rope .* bf16/ }],
    ['the first sequence only', 'sequence < sizes.sequences; sequence', 'sequence < 1; sequence'],
    [
      'positions are not checked',
      'const Outcome outcome = CheckRange(call, message, kRopePositions, Complaint::kPosition, 0, kRopeLimit - 1);',
      'const Outcome outcome = Outcome::kOk;',
      { cases: /^rope refuses/ },
    ],
    ['a position too many', 'kRopeLimit - 1);', 'kRopeLimit);', { cases: /^rope refuses/ }],
  ),
  'cuda/many.cuh': alike(
    { cases: /^ema (?!many)/, sources: ['ema.cu'] },
    ['a chunk of another tensor', 'if (chunk < chunks[middle]) {', 'if (chunk <= chunks[middle]) {'],
    ['chunks count from the first tensor', '(index > 0 ? many.chunks[index - 1] : 0)', '0'],
    ['past the end of a tensor', 'end < elements ? end : elements}', 'end}'],
    ['every second four', 'i < chunk.end; i += 4 * kManyThreads', 'i < chunk.end; i += 8 * kManyThreads'],
    [
      'the last of a four',
      'LoadFour(many.data[kind][chunk.index], i, chunk.end, 0)',
      'LoadFour(many.data[kind][chunk.index], i, chunk.end - 1, 0)',
    ],
    [
      'a tensor is passed over',
      'many.elements[many.count] = first[0][i].spec->elements();',
      'many.elements[many.count] = first[0][0].spec->elements();',
    ],
    [
      'tensors behind the first launch',
      'before += chunks;',
      'before += 0;',
      { cases: /^global_norm many/, sources: ['global_norm.cu'] },
    ],
  ),
  'cuda/global_norm.cu': alike(
    { cases: /^global_norm (?!many)/ },
    [
      'half the elements of a four',
      '(sums[0] + sums[2]) + (sums[1] + sums[3])',
      '(sums[0] + sums[2]) + sums[1]',
    ],
    ['the last chunk is left out', 'i < chunks; i += kManyThreads', 'i < chunks - 1; i += kManyThreads'],
    ['squares are rounded', 'static_cast<double>(four.v[j]) * four.v[j]', 'four.v[j] * four.v[j]'],
    ['every launch in one place', 'partial + before', 'partial', { cases: /^global_norm many/ }],
    [
      'scratch for the first tensor',
      'for (const TensorSpec& x : op.inputs) chunks +=',
      'for (const TensorSpec& x : op.inputs) chunks =',
    ],
  ),
  'cuda/adamw.cu': alike(
    { cases: /^adamw (?!many)/ },
    ['step 0 is allowed', 'if (*step >= 1) {', 'if (*step >= 0) {'],
    ['the second moment is not stored', 'UpdateMany<3>', 'UpdateMany<2>'],
    ['moments for gradients', 'call.inputs + 3 + n}', 'call.inputs + 3}'],
    ['a step later', 'MakeAdamwStep(params, *step,', 'MakeAdamwStep(params, *step + 1,'],
    ['no scale', '*learning_rate, *scale)', '*learning_rate, 1.0f)'],
  ),
  'cuda/sgd.cu': alike(
    { cases: /^sgd (?!many)/ },
    ['the moment is not stored', 'UpdateMany<2>', 'UpdateMany<1>'],
    ['never as Nesterov', 'params.nesterov ?', 'false ?'],
    ['no decay', 'x[2] * scale + params.weight_decay * x[0]', 'x[2] * scale'],
    [
      'decay is scaled',
      'x[2] * scale + params.weight_decay * x[0]',
      '(x[2] + params.weight_decay * x[0]) * scale',
    ],
    ['a stale moment', ': x[1]);', ': x[1] - g);'],
  ),
  'cuda/ema.cu': alike(
    { cases: /^ema (?!many)/ },
    ['the decay itself', 'rest = static_cast<float>(1 - static_cast<double>(*decay))', 'rest = *decay'],
    [
      'what is left in single precision',
      'static_cast<float>(1 - static_cast<double>(*decay))',
      '1.0f - *decay - 1e-6f',
    ],
    ['averages for parameters', 'call.inputs + 1 + n}', 'call.inputs + 1}'],
  ),
  'cuda/muon.cu': alike(
    {
      cases: /^muon (\[[1379],[1379]\]|\[5,31\]|\[31,5\]|.*iterations|.*momentum 0|decay 2.*|\[65,130\])$/,
      work: 1.2e6,
    },
    ['the diagonal is off', 'i % (side + 1) == 0', 'i % side == 0'],
    ['momentum once', 'g.v[j] += momentum * old.v[j];', ''],
    ['a chunk for the norm', 'i < chunks; i += kThreads', 'i < 1; i += kThreads'],
    ['the result stays where it is', 'std::swap(x, y);', ''],
    ['the wrong side', 'tall ? self : matrix, tall ? matrix : self', 'matrix, self'],
    ['no longer than wide', 'longer > 1 ? std::sqrt(longer) : 1', '1'],
    [
      'the square of the longer side',
      'rows < columns ? rows : columns), tall',
      'rows > columns ? rows : columns), tall',
    ],
    ['the moment is not stored', 'StoreFour(m, i, end, old);', ''],
    ['decay is left out', 'parameter[i] * keep -', 'parameter[i] -'],
    ['not the sum of the square', 'kMuonC * square[i] + kMuonB * gram[i]', 'kMuonC * square[i]'],
    [
      'room for the first matrix only',
      'if (room < lines) room = lines;',
      'if (room == 0) room = lines;',
      { cases: /^muon matrices of all shapes$/, work: 1.2e6 },
    ],
  ),
  'cuda/sample.cu': alike(
    {
      cases:
        /^sample (5x\d+( greedy)?|ties.*|top.*|min.*|temperature.*|draw.*|zeros.*|a large.*|one.*|-?Inf.*)$/,
      each: 40,
    },
    ['of equal ones the last', '(0xFFFFFFFFu - static_cast<uint32_t>(i))', 'static_cast<uint32_t>(i)'],
    ['the zeros are not one', 'x == 0 ? 0.0f : x)', 'x)'],
    [
      'options are not checked',
      'Complaint complaint = CheckOptions(options);',
      'Complaint complaint{};',
      { cases: /^sample refuses/ },
    ],
    ['nothing to choose from', 'if (IsNothing(largest[row])) first = row;', '', { cases: /^sample refuses/ }],
    ['the temperature is left out', 'temperature == 1 ? e : Exp(below / temperature)', 'e'],
    [
      'a chunk longer',
      'const int64_t end = begin + kChunk < n ? begin + kChunk : n;',
      'const int64_t end = begin + kChunk + 1 < n ? begin + kChunk + 1 : n;',
    ],
    ['top k takes one more', 'above + room[kWarps][digit] < goal', 'above + room[kWarps][digit] <= goal'],
    ['top p of 1', 'top_p * total, room.masses', 'top_p, room.masses'],
    ['min p is left out', 'choices.least = min_p;', ''],
    ['a stale total', 'if (top_p < 1 || min_p > 0) total = Total(choices, room.sums);', ''],
    ['numbers of the first row', 'rng + 3 * row', 'rng'],
    [
      'counts are read too early',
      'if (lane == 0) room[warp][digit] = sum;\n    }\n    __syncthreads();\n',
      'if (lane == 0) room[warp][digit] = sum;\n    }\n',
    ],
    [
      'totals are read too early',
      'if (lane == 0) sums[warp] = sum;\n  __syncthreads();\n',
      'if (lane == 0) sums[warp] = sum;\n',
    ],
    [
      'sums of counts are read too early',
      'room[kWarps][threadIdx.x] = sum;\n    }\n    __syncthreads();\n',
      'room[kWarps][threadIdx.x] = sum;\n    }\n',
    ],
    ['sums of earlier lanes are left', 'if (lane >= offset) upto += before;', ''],
    ['a walk that starts anew', 'sum += __shfl_sync(~0u, upto, kWarp - 1);', ''],
    ['the first chunk for all', 'i < chunks; i += kWarp) total', 'i < 1; i += kWarp) total'],
  ),
  'cuda/repetition_penalty.cu': alike(
    { cases: /^repetition_penalty / },
    ['divides always', 'x > 0 ? x / *penalty : x * *penalty', 'x / *penalty'],
    ['counts of the first slot', 'counts[slot[i / sequence] * vocabulary', 'counts[0 * vocabulary'],
    ['a token further', '+ i % vocabulary] != 0', '+ (i + 1) % vocabulary] != 0'],
    ['the penalty is not checked', 'if (value > 0 && value - value == 0) return;', 'return;'],
    [
      'slots are not checked',
      'outcome = CheckRange(call, message, kRepetitionPenaltySlot, Complaint::kSlot, 0, InputShape(call, 1)[0] - 1);',
      '',
    ],
    ['Infinity is a penalty', 'if (value > 0 && value - value == 0) return;', 'if (value > 0) return;'],
  ),
  'cuda/embedding.cu': alike(
    {
      cases:
        /^embedding(_backward)? (9 of \dx9|(63|64|65) of 11x3|7 of 5x\d|1100 of 65x130|301 of 5003x71|700 of .*|1300 of .*|70 of .*|rank \d)$/,
    },
    [
      'tokens are not checked',
      'const Outcome outcome = CheckRange(call, message, kEmbeddingTokens, Complaint::kToken, 0, table[0] - 1);',
      'const Outcome outcome = Outcome::kOk;',
      { cases: /^embedding refuses/ },
    ],
    [
      'tokens of the gradient are not checked',
      'Outcome outcome = CheckRange(call, message, kEmbeddingTokens, Complaint::kToken, 0, shape[0] - 1);',
      'Outcome outcome = Outcome::kOk;',
      { cases: /^embedding_backward refuses/ },
    ],
    ['rows of no token are not cleared', 'StoreQuad(table, kQuad * i, size, Quad{});', ''],
    [
      'the neighbours are read too early',
      '  __syncthreads();\n  const int64_t column = blockIdx.x % slices',
      '  const int64_t column = blockIdx.x % slices',
    ],
    [
      'a run begins anew in each eight',
      'i > 0 && tokens[i - 1] == token ? sum',
      'k > 0 && tokens[i - 1] == token ? sum',
    ],
    ['a run that goes on is written', 'if (tokens[-1] == token) {', 'if (tokens[-1] == token && i > 0) {'],
    ['the first part of a run is left out', 'Unit sum = partials.left(piece, column);', 'Unit sum{};'],
    [
      'the last part of a run is left out',
      'for (; has(next); ++next) sum',
      'for (; has(next + 1); ++next) sum',
    ],
    [
      'eight parts are taken for seven',
      'has(next + kAtOnce - 1); next += kAtOnce',
      'has(next + kAtOnce - 1); next += kAtOnce - 1',
    ],
    [
      'pieces are never joined',
      'if (outcome != Outcome::kOk || count <= kPiece) return outcome;',
      'if (outcome != Outcome::kOk || count <= 2 * kPiece) return outcome;',
    ],
    [
      'one slice of columns',
      'const int64_t column = blockIdx.x % slices * blockDim.x + threadIdx.x;\n  if (column >= columns) return;',
      'const int64_t column = threadIdx.x;\n  if (column >= columns) return;',
      { cases: /^embedding_backward 70 of 2x1030$/ },
    ],
  ),
  'cuda/sort.cu': alike(
    { cases: /^embedding_backward ((63|64|65) of 11x3|1100 of 65x130|301 of 5003x71|1300 of 600x3)$/ },
    ['eight bits only', '(limit - 1) >> shift > 0;', 'false;'],
    ['not in order', 'before[warp][digit] + earlier;', 'before[warp][digit] + __popc(same) - 1 - earlier;'],
    ['earlier tiles are not seen', 'if (t < tile) below += count;', ''],
    ['counts are not cleared', 'if (thread < kDigits) room[thread] = 0;\n', ''],
    [
      'counts are read too early',
      'atomicAdd(&room[DigitOf(keys[i], shift)], 1);\n  __syncthreads();\n',
      'atomicAdd(&room[DigitOf(keys[i], shift)], 1);\n',
    ],
    [
      'starts are read too early',
      'starts[thread] = start;\n  }\n  __syncthreads();\n',
      'starts[thread] = start;\n  }\n',
    ],
    ['places of this pass only', 'places == nullptr ? i : places[i]', 'i'],
    ['digits of earlier warps are not seen', 'sum += count;', ''],
    ['half the lanes', 'offset = 1; offset < kWarp;', 'offset = 1; offset < kWarp / 2;'],
    [
      'scratch for one list of keys',
      '2 * n * static_cast<int64_t>(sizeof(int64_t) + sizeof(int32_t))',
      'n * static_cast<int64_t>(2 * sizeof(int64_t) + sizeof(int32_t))',
    ],
  ),
  'cuda/gather_batch.cu': alike(
    { cases: /^gather_batch / },
    ['targets are the tokens', 'window[1]', 'window[0]'],
    ['an offset too many', '- OutputShape(call, 0)[1] - 1;', '- OutputShape(call, 0)[1];'],
    [
      'offsets are not checked',
      'const Outcome outcome = Examine(call, message, batch,',
      'const Outcome outcome = Examine(call, message, 0 * batch,',
    ],
    ['u16 taken for u32', 'dtype == Dtype::kU16', 'dtype == Dtype::kI32'],
    ['windows overlap', 't = i - b * length;', 't = i - b * (length - 1);'],
  ),
  'cuda/positions.cu': alike(
    { cases: /^positions / },
    ['all from the first start', 'starts[b] + t', 'starts[0] + t'],
    ['an end too many', 'kEnd - length);', 'kEnd - length + 1);'],
    [
      'starts are not checked',
      'const Outcome outcome = CheckRange(call, message, kPositionsStart, Complaint::kStart, -kEnd, kEnd - length);',
      'const Outcome outcome = Outcome::kOk;',
    ],
  ),
  'cuda/sum_leading.cu': alike(
    { cases: /^sum_leading (\[\d+, 5\]|\[4, \d+\]|\[25\d, \d+\]|\[300, 515\]|\[9001, 7\]|mixed sizes)$/ },
    [
      'a row short in every chunk',
      'last = first + cut.chunk < rows ? first + cut.chunk : rows;',
      'last = first + cut.chunk < rows ? first + cut.chunk - 1 : rows;',
    ],
    ['rows past the last', 'first + cut.chunk < rows ? first + cut.chunk : rows;', 'first + cut.chunk;'],
    [
      'no barrier between halves',
      '  for (; half > 0; half /= 2) {\n    __syncthreads();\n',
      '  for (; half > 0; half /= 2) {\n',
    ],
    ['a depth that is no power of two', 'row < half && row + half < depth', 'row < half'],
    ['the last half is left out', 'power < cut.depth; power *= 2', 'power * 2 < cut.depth; power *= 2'],
    ['all chunks in one place', 'y[chunk * columns + column] = room', 'y[column] = room'],
    ...alike(
      { cases: /^sum_leading .* bf16/ },
      ['bf16 taken for f32', 'bf16 ? SumChunks<__nv_bfloat16', '!bf16 ? SumChunks<__nv_bfloat16'],
      ['fours of bf16 taken for f32', 'bf16 ? SumChunks<Bf16Four', '!bf16 ? SumChunks<Bf16Four'],
    ),
    [
      'scratch for a chunk too few',
      '(cut.chunks * columns) * sizeof(float)',
      '((cut.chunks - 1) * columns) * sizeof(float)',
    ],
    [
      'chunks are not added',
      'if (outcome != Outcome::kOk || cut.chunks == 1) return outcome;',
      'if (outcome != Outcome::kOk || cut.chunks <= 3) return outcome;',
      { cases: /^sum_leading / },
    ],
  ),
  'cuda/relu.cu': alike(
    { cases: /^relu(_backward)? (\[.?.\]|NaN.*)/ },
    ['a NaN becomes 0', 'x <= 0 ? 0.0f : x', 'x > 0 ? x : 0.0f'],
    ['0 has a gradient', 'y > 0 ? dy : 0.0f', 'y >= 0 ? dy : 0.0f'],
    ['a leak', 'x <= 0 ? 0.0f : x', 'x <= 0 ? 0.01f * x : x'],
    ['dy taken for f32', 'FloatInput(call, 1)', 'Input<float>(call, 1)', { cases: /^relu_backward .* bf16/ }],
  ),
  'cuda/relu_squared.cu': alike(
    { cases: /^relu_squared(_backward)? (\[.?.\]|NaN.*|up to 1)$/ },
    ['a NaN becomes 0', 'x <= 0 ? 0.0f : x', 'x > 0 ? x : 0.0f'],
    ['half the gradient', '(Relu(x) + Relu(x)) * dy', 'Relu(x) * dy'],
    ['not squared', 'return Relu(x) * Relu(x);', 'return Relu(x);'],
    ['dy taken for f32', 'FloatInput(call, 1)', 'Input<float>(call, 1)', { cases: /^relu_squared_b.* bf16/ }],
  ),
  'cuda/gelu.cu': alike(
    { cases: /^gelu(_backward)? (\[.?.\]|NaN.*|up to 1|up to 110|near 0|squares.*)/ },
    ['a coefficient', '-0.17305408f', '-0.17305508f'],
    [
      'the slope without its density',
      'fmaf(x, normal.density, Share(x, normal.tail))',
      'Share(x, normal.tail)',
    ],
    [
      'the slope of the argument',
      'fmaf(3 * kDouble * kCubic, x * x, kDouble)',
      'fmaf(2 * kDouble * kCubic, x * x, kDouble)',
    ],
    [
      'a square that overflows',
      'const float z = x > 30.0f ? 30.0f : x < -30.0f ? -30.0f : x;',
      'const float z = x;',
      { cases: /^gelu_backward squares/ },
    ],
    [
      'the gradient taken for f32',
      'dx = FloatOutput(call, 0)',
      'dx = Output<float>(call, 0)',
      { cases: /^gelu_backward .* bf16/ },
    ],
    [
      'never with tanh',
      'if (call.params->as<GeluParams>().tanh) {\n    return Map(\n        call, message, y,',
      'if (false) {\n    return Map(\n        call, message, y,',
    ],
  ),
  'cuda/logistic.cuh': alike(
    { cases: /^swiglu(_backward)? (\[.?.\]|NaN.*|up to 1|up to 110|near 0)/, sources: ['swiglu.cu'] },
    ['for negative numbers only', 'x > 0 ? 1.0f - tail : tail', 'tail'],
    ['e grows without bound', 'expf(-fabsf(x))', 'expf(-x)'],
    ['the larger is the smaller', 'return {e * larger, larger};', 'return {larger, e * larger};'],
  ),
  'cuda/swiglu.cu': alike(
    { cases: /^swiglu(_backward)? (\[.?.\]|NaN.*|up to 1)$/ },
    [
      'dup taken for f32',
      'dup = FloatOutput(call, 1)',
      'dup = Output<float>(call, 1)',
      { cases: /^swiglu_.* bf16/ },
    ],
    [
      'no gate',
      'gate * Share(gate, Sigmoids(gate).smaller) * up',
      'Share(gate, Sigmoids(gate).smaller) * up',
    ],
    ['the gradient without up', 'd * ups.at[k] * fmaf', 'd * fmaf'],
    ['both gradients in one place', 'StoreQuad(dup, i, n, of_up);', 'StoreQuad(dgate, i, n, of_up);'],
    ['a quad short', 'DivideUp(n, kQuad)', 'n / kQuad'],
  ),
  'cuda/soft_cap.cu': alike(
    { cases: /^soft_cap(_backward)? (\[.?.\]|NaN.*|up to 16|cap .*)$/ },
    ['not capped', 'cap * tanhf(x / cap)', 'tanhf(x / cap)'],
    ['the gradient of half', '(1.0f - tanh) * (1.0f + tanh)', '1.0f - tanh'],
    ['y is not divided', 'const float tanh = y / cap;', 'const float tanh = y;'],
  ),
  'cuda/quads.cuh': alike(
    { cases: /^relu(_backward)? \[/, sources: ['relu.cu'] },
    ['a last quad that is whole', 'if (i + kQuad <= n) return y.SetFour', 'if (i < n) return y.SetFour'],
    ['a last element too many', 'if (i + k < n) y.Set(i + k, quad.at[k]);', 'y.Set(i + k, quad.at[k]);'],
    [
      'the last element is not read',
      'if (i + k < n) quad.at[k] = x.Get(i + k);',
      'if (i + k + 1 < n) quad.at[k] = x.Get(i + k);',
    ],
    ['the first blocks only', 'threadIdx.x); i < n; i += step) {', 'threadIdx.x); i < n; i += n) {'],
    [
      'no block for a short tensor',
      'const int64_t blocks = DivideUp(n, kQuad * kElementThreads), most',
      'const int64_t blocks = n / (kQuad * kElementThreads), most',
    ],
  ),
  'cuda/dropout.cuh': alike(
    { cases: /^dropout (\[\d*\]|NaN.*|p .*|key .*)$/, sources: ['dropout.cu'] },
    ['not scaled', 'x.at[k] * rule.scale', 'x.at[k]'],
    [
      'a NaN that is dropped',
      'block.word[k] >= rule.threshold ? x.at[k] * rule.scale : 0.0f',
      'x.at[k] * (block.word[k] >= rule.threshold ? rule.scale : 0.0f)',
    ],
    ['one block for eight', 'static_cast<uint64_t>(i) / kQuad', 'static_cast<uint64_t>(i) / (2 * kQuad)'],
    ['words in another order', 'block.word[k] >=', 'block.word[3 - k] >='],
    ['the threshold itself', '>= rule.threshold ?', '< rule.threshold ?'],
  ),
  'cuda/dropout.cu': alike(
    { cases: /^dropout (\[\d*\]|NaN.*|p .*|key .*)$/ },
    ['another site', 'RandomStream(rng, site)', 'RandomStream(rng, site + 1)'],
    ['a quad short', 'DivideUp(n, kQuad)', 'n / kQuad'],
    ['past the end', 'StoreQuad(y, i, n, Dropped', 'StoreQuad(y, i, n + 1, Dropped'],
    [
      'y taken for f32',
      'y = FloatOutput(call, 0)',
      'y = Output<float>(call, 0)',
      { cases: /^dropout .* bf16/ },
    ],
  ),
  'cuda/dropout_add.cu': alike(
    { cases: /^dropout_add (\[\d*\]|NaN.*|p .*)$/ },
    ['no residual', 'MapQuad(Add(), LoadQuad(residual, i, n), dropped)', 'dropped'],
    ['the residual of another quad', 'LoadQuad(residual, i, n)', 'LoadQuad(residual, 0, n)'],
    [
      'the residual taken for f32',
      'residual = FloatInput(call, 2)',
      'residual = Input<float>(call, 2)',
      { cases: /^dropout_add .* bf16/ },
    ],
    ['another site', 'RandomStream(rng, site)', 'RandomStream(rng, site + 1)'],
  ),
  'cuda/accumulate.cu': alike(
    { cases: /^accumulate / },
    [
      'nothing is added to',
      'static_cast<const float*>(total), Input<const float>(call, 1)',
      'Input<const float>(call, 1), Input<const float>(call, 1)',
    ],
    ['the larger of both', 'Add()', 'Larger()'],
    ['an element short', 'Map(call, message, total, Add()', 'Map(call, message, total + 1, Add()'],
  ),
  'cuda/zero.cu': alike(
    { cases: /^zero (?!hundreds)/ },
    ['a last unit that is whole', 'if (i + kUnit <= last) {', 'if (i < last) {'],
    ['the tail stays', 'data[at] = 0;', 'break;'],
    ['chunks count from the first tensor', '(tensor > 0 ? batch.end[tensor - 1] : 0)', '0'],
    [
      'a chunk of another tensor',
      'batch.end[tensor + step - 1] <= chunk',
      'batch.end[tensor + step - 1] < chunk',
    ],
    ['every second unit', 'i += kThreads * kUnit', 'i += 2 * kThreads * kUnit'],
    [
      'the first 128 tensors',
      'first < call.output_count; first += kMost',
      'first < 1; first += kMost',
      { cases: /^zero hundreds/ },
    ],
  ),
  'cuda/copy.cu': alike(
    { cases: /^copy / },
    ['a tail is left out', 'DivideUp(bytes, kUnit)', 'bytes / kUnit'],
    [
      'a last unit that is whole',
      '(i + 1) * kUnit <= bytes',
      'i * kUnit < bytes',
      { cases: /^copy /, races: true },
    ],
    ['a byte short', 'at < bytes; ++at', 'at + 1 < bytes; ++at'],
  ),
  'cuda/tril_mean.cu': alike(
    { cases: /^tril_mean / },
    ['without the diagonal', 'j <= t ?', 'j < t ?'],
    ['of one row less', 'static_cast<float>(t + 1)', 'static_cast<float>(t)'],
    ['a row short', 'length * length, [=]', 'length * (length - 1), [=]'],
  ),
  'cuda/cache_write.cu': alike(
    { cases: /^cache_write / },
    [
      'slots are not told apart',
      'if (slot[other] == slot[b]) return SameSlot(kCacheWriteSlot, slot[b], other, b);',
      '',
    ],
    [
      'starts are not checked',
      'Complaint complaint = JudgeRange(kCacheWriteStart, Complaint::kStart, b, start[b], 0, last);',
      'Complaint complaint{};',
    ],
    ['a start too many', 'places - length, cache[0]', 'places - length + 1, cache[0]'],
    ['always from the start', 'slot[b] * places + start[b] + t', 'slot[b] * places + t'],
    ['sequences in order', 'slot[b] * places + start', 'b * places + start'],
    ['nothing is checked', 'Examine(call, message, x[0],', 'Examine(call, message, 0,'],
  ),
  'cuda/select_row.cu': alike(
    { cases: /^select_row / },
    ['the row is not checked', 'Examine(call, message, 1,', 'Examine(call, message, 0,'],
    ['a row too many', '*row, 0, rows - 1)', '*row, 0, rows)'],
    ['of the first sequence', 'b * rows + *row, b', '*row, b'],
  ),
  'cuda/move_rows.cuh': alike(
    { cases: /^select_row /, sources: ['select_row.cu'] },
    ['an element further', 'from[source * width + at]', 'from[source * width + (at ^ 1) % width]'],
    ['fours of any row', 'if (!InQuads(columns)) return', 'if (columns < kQuad) return'],
    ['the last row is left out', 'const int64_t n = rows * width;', 'const int64_t n = (rows - 1) * width;'],
    [
      'the first blocks only',
      'i < n; i += step) {',
      'i < n; i += n) {',
      { cases: /^embedding 301 of 5003x71$|^embedding 1100/, sources: ['embedding.cu'] },
    ],
  ),
  'cuda/count_tokens.cu': alike(
    { cases: /^count_tokens / },
    [
      'two counts are one',
      'if (found == expected || found == INT32_MAX) return;',
      'if (found == expected || found != 0) return;',
    ],
    [
      'past what i32 holds',
      'if (found == expected || found == INT32_MAX) return;',
      'if (found == expected) return;',
    ],
    [
      'slots are not checked',
      'if (t < 0) return JudgeRange(kCountTokensSlot, Complaint::kSlot, b, slot[b], 0, slots - 1);',
      'if (t < 0) return Complaint{};',
    ],
    [
      'the last sequence is not checked',
      'Examine(call, message, batch * (length + 1),',
      'Examine(call, message, (batch - 1) * (length + 1),',
    ],
    ['counts of the first slot', 'slot[i / length] * vocabulary', '0 * vocabulary'],
    [
      'the tokens of a sequence short',
      'ForElements(call, message, batch * length,',
      'ForElements(call, message, batch * length - 1,',
    ],
    ['tokens are not checked', 'token[at], 0, vocabulary - 1)', 'token[at], -1, vocabulary)'],
  ),
  'cuda/require_finite.cu': alike(
    { cases: /^require_finite / },
    ['all numbers pass', 'if (value - value == 0) {', 'if (value == value) {'],
    ['nothing passes', '*y = value;', ''],
    ['another number is named', 'NotFinite(kRequireFiniteX, value)', 'NotFinite(kRequireFiniteX, 0)'],
  ),
  'cuda/clip_scale.cu': alike(
    { cases: /^clip_scale / },
    ['never clipped', 'ClipScale(*norm, max_norm)', '1.0f'],
    [
      'the bound for the norm',
      'ClipScale(*norm, max_norm)',
      'ClipScale(static_cast<float>(max_norm), max_norm)',
    ],
    ['nothing is written', 'ForElements(call, message, 1,', 'ForElements(call, message, 0,'],
  ),
  'cuda/examine.cuh': alike(
    { cases: /^count_tokens refuses|^count_tokens/, sources: ['count_tokens.cu'] },
    [
      'every thread complains',
      'if (threadIdx.x == 0 && first != kNone)',
      'if (first != kNone)',
      { cases: /^count_tokens refuses/, sources: ['count_tokens.cu'], races: true },
    ],
    [
      'the last offender',
      'first = BlockReduce<kExamineThreads>(first, room, Smaller());',
      'first = BlockReduce<kExamineThreads>(first == kNone ? -1 : first, room, Larger());\n  if (first == -1) first = kNone;',
    ],
    ...alike(
      { gpu: true, healthy: true, sources: ['check.cu'] },
      [
        'the last that is not finite',
        'first = BlockReduce<kExamineThreads>(first, room, Smaller());',
        'first = BlockReduce<kExamineThreads>(first == kNone ? -1 : first, room, Larger());\n  if (first == -1) first = kNone;',
      ],
      ['only the first threads look', 'i += kExamineThreads', 'i += n'],
      [
        'every thread complains of what is not finite',
        'if (threadIdx.x == 0 && first != kNone)',
        'if (first != kNone)',
        { gpu: true, healthy: true, races: true, sources: ['check.cu'] },
      ],
    ),
  ),
  'ops/judge.h': alike(
    { cases: /^count_tokens refuses|^count_tokens/, sources: ['count_tokens.cu'] },
    ['the highest is refused', 'low <= value && value <= high', 'low <= value && value < high'],
    ['the lowest is refused', 'low <= value && value <= high', 'low < value && value <= high'],
    ['another index', 'complaint.index = index;', 'complaint.index = index + 1;'],
    ['another bound', 'complaint.high = high;', 'complaint.high = high + 1;'],
    ['another input', 'high;\n  complaint.input = input;', 'high;\n  complaint.input = input + 1;'],
  ),
  // ---- What kernels are made of, and what drives them.
  'cuda/check.cu': [
    ...alike(
      { cases: /^(cross_entropy|embedding|rope|positions) refuses/ },
      ['range: nothing is too low', 'values[i], low, high)', 'values[i], INT64_MIN, high)'],
      ['range: nothing is too high', 'values[i], low, high)', 'values[i], low, INT64_MAX)'],
      ['range: another value', 'i, values[i], low', 'i, values[0], low'],
      ['range: another index', 'what, i, values', 'what, i + 1, values'],
      ['range: another bound', 'values[i], low, high)', 'values[i], low, high + 1)'],
    ),
    ...alike(
      { gpu: true, healthy: true },
      ['finite: never', '(bits[i] & exponent) != exponent', '(bits[i] & exponent) != exponent + 1'],
      ['finite: another output', 'complaint.value = output;', 'complaint.value = output + 1;'],
      ['finite: another index', 'complaint.index = i;', 'complaint.index = i + 1;'],
    ),
  ],
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
      'a complaint does not stop the rest',
      'control->failed = 1;',
      'control->failed = 0;',
      { gpu: true, healthy: true, sources: ['check.cu'] },
    ],
    [
      'a complaint of another op',
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
  'cuda/driver.cu': [
    [
      'a capture in which no module may be loaded',
      'cudaStreamCaptureModeRelaxed',
      'cudaStreamCaptureModeThreadLocal',
      { gpu: true, healthy: true },
    ],
    [
      'memory kept when a call fails',
      'void FreeHost(Queue* queue, void* memory) {\n',
      'void FreeHost(Queue* queue, void* memory) {\n  Message ignored;\n  if (Choose(queue, ignored) != Outcome::kOk) return;\n',
      { gpu: true },
    ],
    ['a graph is kept', '  cudaGraphDestroy(graph);\n', '', { gpu: true, healthy: true }],
    ['a stream is kept', '  cudaStreamDestroy(queue->stream);\n', '', { gpu: true, healthy: true }],
    ['an event is kept', '  cudaEventDestroy(event->event);\n', '', { gpu: true, healthy: true }],
    [
      'no wait for an event',
      'return Check(cudaEventSynchronize(event->event), "the GPU\'s work", message);',
      'return Outcome::kOk;',
      { gpu: true, healthy: true },
    ],
    [
      'an error is not looked at',
      'cudaGraphLaunch(recording->graph, queue->stream), "cudaGraphLaunch", message)',
      '(cudaGraphLaunch(recording->graph, queue->stream), cudaSuccess), "cudaGraphLaunch", message)',
      { gpu: true },
    ],
    [
      'a pointer where there is no memory',
      'cudaMalloc(&made, bytes);\n  if (error == cudaSuccess) memory = made;\n',
      'cudaMalloc(&made, bytes);\n  memory = made;\n',
      { gpu: true },
    ],
    [
      'a pointer where there is no memory of the host',
      'cudaMallocHost(&made, bytes);\n    if (error == cudaSuccess) memory = made;\n',
      'cudaMallocHost(&made, bytes);\n    memory = made;\n',
      { gpu: true },
    ],
  ],
  'gpu/backend.cc': [
    [
      'no wait for an execution',
      'Status status = slot.done.Wait(); !status.ok()',
      'Status status; !status.ok()',
      { gpu: true, healthy: true },
    ],
    [
      'a recording outlives its arena',
      '    DropRecording();\n    bound_ = true;',
      '    bound_ = true;',
      { gpu: true, healthy: true },
    ],
    ['a recording that ended early is kept', 'if (failure) DropRecording();', '', { gpu: true }],
    [
      'the control is never read',
      'if (control.failed != 0) {',
      'if (control.failed > 1) {',
      { gpu: true, healthy: true },
    ],
    [
      'the control is never cleared',
      '    stale = !status.ok();\n    return status;',
      '    stale = false;\n    return status;',
      { gpu: true },
    ],
    ['what an execution complained of stays', 'shared_.stale = true;', '', { gpu: true }],
    [
      'one slot for all executions',
      'next_slot_ = (next_slot_ + 1) % slots_.size();',
      '',
      { gpu: true, healthy: true },
    ],
    [
      'too few slots',
      'i <= kMostUnderWay; ++i) {\n      Result<Block> memory',
      'i < 8; ++i) {\n      Result<Block> memory',
      { gpu: true, healthy: true },
    ],
    ['inputs are not sent', 'if (input_layout_.bytes > 0) {', 'if (false) {', { gpu: true, healthy: true }],
    [
      'outputs are not fetched',
      'if (output_layout_.bytes > 0) {',
      'if (false) {',
      { gpu: true, healthy: true },
    ],
    ['all temporaries in one place', 'arena + plan_.buffers[index]', 'arena', { gpu: true, healthy: true }],
    [
      'a recording is kept for ever',
      '~GpuExecutable() override { DropRecording(); }',
      '~GpuExecutable() override {}',
      { gpu: true, healthy: true },
    ],
    ['copies do not wait', '    NANO_RETURN_IF_ERROR(done.Wait());\n', '', { cases: /^(add|fill) / }],
    [
      'new memory is not zero',
      'if (bytes > 0) NANO_RETURN_IF_ERROR(shared_.driver->Zero(memory->data(), bytes));',
      '',
      { gpu: true, healthy: true },
    ],
    [
      'checks of outputs only in the first',
      'output < calls_[op].output_count; ++output',
      'output < 0; ++output',
      { gpu: true, healthy: true },
    ],
  ],
}

const builds = {
  emulated: resolve(argument('--emulated', join(root, 'build', 'emulated'))),
  races: resolve(argument('--races', join(root, 'build', 'emulated-races'))),
}

/** Only what holds kernels is built for the race detector; what runs them is the other build's. */
const buildOf = (target, { races }) =>
  races && /^nano(_gpt_cuda|-gemm-test)$/.test(target) ? builds.races : builds.emulated

function settingOf(how, made) {
  const module = join(buildOf('nano_gpt_cuda', how), 'Release', 'nano_gpt_cuda.so')
  return {
    device: 'cuda',
    schedules: how.races ? ['ascending'] : ['ascending', 'descending', 'shuffle'],
    env: { NANO_GPT_CUDA_MODULE: made.nano_gpt_cuda ?? module },
    pathOf: (program) => made[program] ?? join(buildOf(program, how), 'Release', program),
  }
}

// What all kernels include and no mutant touches; compiled once, as that is what takes most of the time.
const common = [
  'cuda_bf16.h',
  'cuda_runtime.h',
  'algorithm',
  'cmath',
  'cstdint',
  'cstdio',
  'utility',
  'gpu/driver.h',
]
const commonHeader = (build) => join(work, basename(build), 'common.h')

async function precompile(build) {
  const header = commonHeader(build)
  mkdirSync(join(header, '..'))
  writeFileSync(header, common.map((name) => `#include <${name}>\n`).join(''))
  const command = commandOf(build, 'nano_gpt_cuda', 'cuda/add.cu')
    .replace(/ -xc\+\+ /, ' ')
    .replace(/ -o \S+/, ` -o ${header}.gch`)
    .replace(/ -c \S+$/, ` -x c++-header -c ${header}`)
  await shell(build, command, 'the headers do not compile')
}

async function make({ file, how }, copy) {
  const sources = how.sources?.map((source) => `cuda/${source}`) ?? sourcesWith(file, 'cuda', '.cu')
  const test = how.ptx ? 'ptx_test.cu' : how.simt ? 'selftest.cu' : undefined // compiled with it, and the module isn't
  const ofModule = !test && sources.length > 0
  const made = {}
  for (const name of ofModule && !how.gemm ? ['nano_gpt_cuda'] : programsOf(how)) {
    const build = buildOf(name, how)
    if (test) made[name] = await rebuild(build, name, [`emulate/test/${test}`], copy)
    else if (ofModule) {
      made[name] = await rebuild(build, name, sources, copy, ` -include ${commonHeader(build)}`)
    } else {
      // Only in the arena do temporaries share memory, as in earnest.
      const target = name === 'nano-run' ? 'nano-run-arena' : name
      made[name] = await rebuild(build, target, [file], copy)
    }
  }
  return made
}

const prepare = () => parallel(Object.values(builds), precompile)

huntOnGpu(mutants, { prepare, make, settingOf })
