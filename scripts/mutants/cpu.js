// Breaks the CPU's kernels on purpose, one change at a time, and demands that the case files (test/support/table.ts) notice every
// one. Its options are those of hunt.js. Needs g++ or clang++.

const { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } = require('node:fs')
const { basename, join } = require('node:path')
const { parallel, run } = require('../processes')
const { hunt, root, work } = require('./hunt')

// See hunt.js. How, for headers: the kernels to compile with it, which are all that include it if left out.
const mutants = {
  'cpu/gemm.cc': [
    ['small: panels of b misplaced', 'b.data + j / kTileColumns * panel', 'b.data'],
    [
      'small: the bias of the first columns',
      'to.bias == nullptr ? nullptr : to.bias + j',
      'to.bias == nullptr ? nullptr : to.bias',
    ],
    [
      'small: a column short',
      'Smaller(kTileColumns, n - j), k, At(a, i, 0)',
      'Smaller(kTileColumns, n - j - 1), k, At(a, i, 0)',
    ],
    ['split: the last part dropped', 'p < parts; ++p) sum', 'p + 1 < parts; ++p) sum'],
    ['split: the first terms of a for all', 'x.n, k, At(x.a, 0, first)', 'x.n, k, At(x.a, 0, 0)'],
    [
      'split: the first terms of b for all',
      'const Matrix b = At(x.b, first, 0);',
      'const Matrix b = At(x.b, 0, 0);',
    ],
    ['split: the total forgotten', 'if (to.add) sum = LoadLanes(to.c + j, lanes) + sum;', ''],
    ['split: a part too long', ' k = Smaller(depth, x.k - first);', ' k = depth;'],
    ['terms one short', 'p < k; ++p, terms += column', 'p < k - 1; ++p, terms += column'],
    ['a block of K forgets the ones before', 'x.accumulate || first > 0', 'x.accumulate'],
    ['c is never added to', 'if (target.add) sum = LoadLanes(c + 8 * v, lanes) + sum;', ''],
    ['bias for every block of K', 'last && x.bias != nullptr', 'x.bias != nullptr'],
    ['relu for every block of K', 'last && x.relu', 'x.relu'],
    ['relu drops a NaN', 'AndNot(LessEqual(sum, Set(0)), sum)', 'And(Greater(sum, Set(0)), sum)'],
    [
      'a row writes into the next',
      'const int64_t lanes = Smaller(8, columns - 8 * v);\n    F8 sum',
      'const int64_t lanes = 8;\n    F8 sum',
    ],
    ['a whole tile is never added to', 'Load(c + i * c_row + 8 * v) + sums[i][v]', 'sums[i][v]'],
    ['a partial tile stored whole', 'columns < 8 * kVectors || target.bias', 'target.bias'],
    ['a whole tile without its bias and relu', '|| target.bias != nullptr || target.relu) {', ') {'],
    [
      'deep terms of b misplaced',
      'block.packed_b + j * block.depth + at * kTileColumns',
      'block.packed_b + j * block.depth',
    ],
    ['terms counted from the first block', 'at = first - block.depth0;', 'at = first;'],
    ['the first tile of a for all', 'tile.data += step;', ''],
    ['the first rows of c for all', 'target.c += kTileRows * x.c_row;', ''],
    ['rows of c counted from the first block', 'x.c + (block.row0 + part.i0)', 'x.c + part.i0'],
    ['panels misplaced when packed', 'to + j * depth + p * kTileColumns', 'to + p * kTileColumns'],
    ['the first columns for every block', 'At(x.b, p, j), columns, begin', 'At(x.b, p, 0), columns, begin'],
    ['the first terms for every block', 'At(x.b, p, j), columns, begin', 'At(x.b, 0, j), columns, begin'],
    [
      'across: the first columns again',
      'At(x.b, p, j), columns, 0, terms',
      'At(x.b, p, 0), columns, 0, terms',
    ],
    [
      'across: the first terms of b again',
      'At(x.b, p, j), columns, 0, terms',
      'At(x.b, 0, j), columns, 0, terms',
    ],
    ['across: the first rows again', 'At(x.a, i, p).data', 'At(x.a, 0, p).data'],
    ['across: the first terms of a again', 'At(x.a, i, p).data', 'At(x.a, i, 0).data'],
    ['parts: the first terms of a for all', 'part.a = At(x.a, 0, first)', 'part.a = x.a'],
    ['parts: the first terms of b for all', 'part.b = At(x.b, first, j)', 'part.b = At(x.b, 0, j)'],
    ['parts: one on top of the other', 'sums + task / across * size + j', 'sums + j'],
    ['parts: the last too long', 'part.k = Smaller(parts.depth, x.k - first)', 'part.k = parts.depth'],
    ['parts: the total forgotten', 'part.c_row = x.n, part.accumulate = false;', 'part.c_row = x.n;'],
    ['parts: not added', 'if (parts.count > 1) AddParts(x, sums', 'if (false) AddParts(x, sums'],
    [
      'not transposed when packed',
      'rows[i] = Load(at + i * across);\n          Transpose(rows);',
      'rows[i] = Load(at + i * across);',
    ],
    [
      'not transposed at the edge when packed',
      'LoadLanes(at + i * across, terms) : Set(0);\n          Transpose(rows);',
      'LoadLanes(at + i * across, terms) : Set(0);',
    ],
    [
      'packing along K one short',
      'const int64_t terms = Smaller(8, end - p);',
      'const int64_t terms = Smaller(7, end - p);',
    ],
    [
      'packing across leaves a tail',
      'Larger(0, Smaller(8, count - i - j))',
      'Larger(0, Smaller(8, count - i - j - 1))',
    ],
    ['thin: the tail of K dropped', 'if (p < end) add(p, [&]', 'if (false) add(p, [&]'],
    [
      'thin: the last rows dropped',
      'if (i < x.m) ThinDots<kRows - 1, kColumns>',
      'if (false) ThinDots<kRows - 1, kColumns>',
    ],
    ['thin: the first rows again', '*a = x.a.data + i * row, *b', '*a = x.a.data, *b'],
    ['thin: the first terms dropped', 'begin == 0 ? Set(0)', 'true ? Set(0)'],
    ['thin: sums of other rows', 'lanes[r][c]; });\n}', 'lanes[0][c]; });\n}'],
    ['thin: the first eight sums again', 'Smaller(c + l, columns - 1)', 'Smaller(l, columns - 1)'],
    [
      'thin: the last columns dropped',
      'c < columns; ++c) ThinDotsOfRows<kRows, 1>',
      'false; ++c) ThinDotsOfRows<kRows, 1>',
    ],
    ['thin: the second vector dropped', 'lanes1 = columns - lanes0;', 'lanes1 = 0;'],
    ['thin: always the first row of a', 'x.a.data[i * x.a.row + p]', 'x.a.data[p]'],
    [
      'thin: the bias of the first columns',
      'x.bias == nullptr ? nullptr : x.bias + j',
      'x.bias == nullptr ? nullptr : x.bias',
    ],
    [
      'a visible tile is skipped',
      'terms.column_limit + i + rows - 1) continue',
      'terms.column_limit + i + rows - 2) continue',
    ],
    ['a visible term is skipped', 'terms.last_limit + i + rows - 1)', 'terms.last_limit + i + rows - 2)'],
    [
      'a query that sees is skipped',
      'Smaller(k, i - terms.first_limit)',
      'Smaller(k, i - terms.first_limit + 1)',
    ],
    ['a task one row short', 'Smaller(m, i + rows), j,', 'Smaller(m, i + rows) - 1, j,'],
    ['a task one column short', 'Smaller(n, j + columns)};', 'Smaller(n, j + columns) - 1};'],
    [
      'thin, without a pool: a column short',
      'if (pool == nullptr) return range(x, 0, x.n);',
      'if (pool == nullptr) return range(x, 0, x.n - 1);',
    ],
  ],
  'cpu/products.h': [
    ['transpose of a forgotten', 'Matrix{a, 1, p.m}', 'Matrix{a, p.k, 1}'],
    ['transpose of b forgotten', 'Matrix{b, 1, p.k}', 'Matrix{b, p.n, 1}'],
    ['the stride of c', 'product.c_row = p.n;', 'product.c_row = p.m;'],
  ],
  'cpu/matmul_accumulate.cc': [['overwrites', 'product.accumulate = true;', '']],
  'cpu/batched_matmul.cc': [
    ['the first matrix of a for all', 'call.inputs[0].f32() + i * p.a_step', 'call.inputs[0].f32()'],
    ['the first matrix of b for all', 'call.inputs[1].f32() + i * p.b_step', 'call.inputs[1].f32()'],
    ['the stride of y', 'i * p.each.m * p.each.n', 'i * p.each.m * p.each.k'],
    [
      'the last matrix dropped',
      'ForTasks(call.pool, p.batch, together',
      'ForTasks(call.pool, p.batch - 1, together',
    ],
    ['the last large matrix dropped', 'i < p.batch; ++i) Multiply', 'i < p.batch - 1; ++i) Multiply'],
    ['a task forgets all but its first', 'i < end; ++i) Multiply', 'i < begin + 1; ++i) Multiply'],
  ],
  'ops/batched_matmul.cc': [
    ['a shared a is stepped through', 'p.a_step = a_shared ? 0 : each.m', 'p.a_step = each.m'],
    ['one product of transposed matrices', 'if (b_shared && !each.transpose_a)', 'if (b_shared)'],
  ],
  'cpu/linear.cc': [
    ['no bias', 'product.bias = call.inputs[2].f32();', ''],
    ['no relu', 'product.relu = call.params->as<LinearParams>().relu;', ''],
  ],
  'cpu/masked_softmax.cc': [
    [
      'the mask hides the own column',
      'visible = r % rows + 1 + columns - rows;',
      'visible = r % rows + columns - rows;',
    ],
    [
      'the mask shows the next column',
      'visible = r % rows + 1 + columns - rows;',
      'visible = Smaller(columns, r % rows + 2 + columns - rows);',
    ],
    ['the first row sees one column', 'r % rows + 1 + columns - rows;', 'r % rows + 1;'],
    ['hidden columns are stale', 'std::memset(y + r * columns', 'if (false) std::memset(y + r * columns'],
    ['the maximum is not taken out', 'top = Set(LargestOf(x, n))', 'top = Set(0)'],
    [
      'the maximum takes in empty lanes',
      'FirstElse(n - i, LoadSome(x + i, n - i), least)',
      'LoadSome(x + i, n - i)',
    ],
    [
      'empty lanes are summed',
      'KeepLanes(Exp((LoadLanes(x + i, lanes) - top) * factor), lanes)',
      'Exp((LoadLanes(x + i, lanes) - top) * factor)',
    ],
    ['not scaled', '- top) * factor)', '- top))'],
    ['not normalised', 'return e * share;', 'return e;'],
    ['gradient without Σ y·dy', 'factor * p * (d - sum)', 'factor * p * d'],
    ['gradient not scaled', 'factor * p * (d - sum)', 'p * (d - sum)'],
  ],
  'cpu/attention.cc': [
    [
      'short: the mask hides the own key',
      'FirstElse(Blind(query, j), hidden,',
      'FirstElse(Blind(query, j + 1), hidden,',
    ],
    [
      'short: the mask shows the next key',
      'FirstElse(Blind(query, j), hidden,',
      'FirstElse(Blind(query, j - 1), hidden,',
    ],
    ['short: the mask forgets the start', 'query = head.start + t, seen', 'query = t, seen'],
    ['short: scores are not scaled', 'Load(scores + 8 * j) * scale);', 'Load(scores + 8 * j));'],
    ['short: dropout forgotten', 'Store(scores + i, Load(scores + i) * Load(dropped + i));', ';'],
    [
      'short: the mask of the first queries',
      'Columns(factors.Row(t, s.keys)',
      'Columns(factors.Row(0, s.keys)',
    ],
    ['short: lse without the maximum', 'rows, shift + Log(sum));', 'rows, Log(sum));'],
    ['short: not normalised', 's.head_size, Set(1.0f) / sum, rows,', 's.head_size, Set(1.0f), rows,'],
    [
      'short: a key behind the last query',
      'seen = Smaller(s.keys, query + rows);',
      'seen = Smaller(s.keys, query + rows + 1);',
    ],
    [
      'the mask hides the own key',
      'start + tile.query + r + 1 - tile.key',
      'start + tile.query + r - tile.key',
    ],
    [
      'the mask shows the next key',
      'start + tile.query + r + 1 - tile.key',
      'start + tile.query + r + 2 - tile.key',
    ],
    [
      'scores are not scaled',
      'Exp(LoadLanes(scores + i, lanes) * factor - shift)',
      'Exp(LoadLanes(scores + i, lanes) - shift)',
    ],
    ['the maximum takes in empty lanes', 'lanes == 8 ? scaled : FirstElse(lanes, scaled, least)', 'scaled'],
    [
      'empty lanes are summed',
      'KeepLanes(Exp(LoadLanes(scores + i, lanes) * factor - shift), lanes)',
      'Exp(LoadLanes(scores + i, lanes) * factor - shift)',
    ],
    ['the sum keeps the old maximum', '        state.sum *= by;\n', ''],
    ['y keeps the old maximum', 'ScaleRow(y + r * a.size.channels, a.size.head_size, by);', ''],
    ['the maximum is not kept', 'if (top > state.top) state.top = top;', 'state.top = top;'],
    ['a tile of keys forgets the ones before', 's.channels, key > 0,\n', 's.channels, false,\n'],
    ['the first tile adds to what was there', 's.channels, key > 0,\n', 's.channels, true,\n'],
    [
      'hidden weights are stale',
      'std::memset(scores + first_hidden, 0,',
      'if (false) std::memset(scores + first_hidden, 0,',
    ],
    ['lse without the maximum', 'AndNot(LessEqual(top, Set(-kFloatInfinity)), top) + Log(sum)', 'Log(sum)'],
    [
      'normalised by what dropout left',
      'return e;',
      'return factors == nullptr ? e : e * LoadLanes(factors + i, lanes);',
    ],
    ['dropout forgotten', 'factors == nullptr ? e : e * LoadLanes(factors + i, lanes));', 'e);'],
    [
      'few queries: the mask hides the own key',
      'visible = head.start + t + 1;',
      'visible = Larger(1, head.start + t);',
    ],
    [
      'few queries: the mask shows the next key',
      'visible = head.start + t + 1;',
      'visible = Smaller(s.keys, head.start + t + 2);',
    ],
    ['few queries: a stale row of keys', 'Smaller(r, rows - 1) * stride', 'Smaller(r, rows - 2) * stride'],
    ['few queries: the first rows again', 'at = from + j * s.kv_channels;', 'at = from;'],
    ['few queries: the first head of keys', 'at + h / s.group * s.head_size, rows);', 'at, rows);'],
    ['few queries: lse of the first', 'head.lse[h * s.queries + t] =', 'head.lse[h * s.queries] ='],
    [
      'few queries: dropout of the first head',
      'factors.Start(head.number + h, {',
      'factors.Start(head.number, {',
    ],
    ['few queries: not normalised', '1.0f / room.sums[h]', '1.0f'],
    [
      'few queries: the last channels dropped',
      '; d < n; d += 8) AddWeighted<1>',
      '; false; d += 8) AddWeighted<1>',
    ],
    ['few queries: y starts at what was there', 'std::memset(y, 0,', 'if (false) std::memset(y, 0,'],
    ['few queries: the first heads in each task', 'first = task % cuts * cut,', 'first = 0,'],
    [
      'the room of another worker',
      'static_cast<size_t>(RoomSize(size)) * static_cast<size_t>(threads)',
      'static_cast<size_t>(RoomSize(size)) / 2',
    ],
    ['the start is let too far', 'start[b] > s.keys - s.queries ||', 'start[b] > s.keys ||'],
    ['a slot behind the last', 'slot[b] >= slots) return b;', 'slot[b] > slots) return b;'],
    ['the cache of the sequence of that number', '(a.slot != nullptr ? a.slot[batch] : batch)', 'batch'],
    ['the start of the first sequence for all', 'a.start[batch] : 0', 'a.start[0] : 0'],
    [
      'a head of keys for each of queries',
      'head / s.group * s.head_size',
      'head % (s.heads / s.group) * s.head_size',
    ],
  ],
  'cpu/attention.h': [
    [
      'short: the last keys dropped',
      'for (; i < count; ++i) RowsTimesColumns<1>',
      'for (; i < 0; ++i) RowsTimesColumns<1>',
    ],
    [
      'short: a channel short',
      'd < n; ++d) {\n    const F8 column',
      'd < n - 1; ++d) {\n    const F8 column',
    ],
    [
      'short: the tail of the channels dropped',
      'for (int i = 0; i < lanes; ++i) sums[i] = MulAdd',
      'for (int i = 0; i + 1 < lanes; ++i) sums[i] = MulAdd',
    ],
    ['short: a row short', 'i < rows; ++i) StoreLanes(y', 'i < rows - 1; ++i) StoreLanes(y'],
    ['the mask of the first row for all', 'return factors_ + row * keys_;', 'return factors_;'],
    ['the mask forgets the tile of keys', 'static_cast<uint64_t>(tile.key);', '0;'],
    ['the mask forgets the head', 'static_cast<uint64_t>(head) * static_cast<uint64_t>(queries) +', ''],
    [
      'long rows: the mask of the first row',
      'first_ + static_cast<uint64_t>(row) * static_cast<uint64_t>(keys_)',
      'first_',
    ],
  ],
  'cpu/attention_backward.cc': [
    ['short: no Σ dy·y', 'p * (slope - delta) * scale', 'p * slope * scale'],
    ['short: dv without dropout', 'weight = p * factor;', ''],
    ['short: weights without dropout', 'slope = slope * factor;', ''],
    ['short: hidden keys get values', 'AndNot(blind, weight)', 'weight'],
    ['short: hidden keys have a gradient', 'AndNot(blind, p * (slope', 'AndNot(Set(0), p * (slope'],
    [
      'short: the own query dropped',
      'for (int64_t t = j; t < s.queries; ++t)',
      'for (int64_t t = j + 1; t < s.queries; ++t)',
    ],
    ['short: queries of the first eight', '(t / 8 * kShortKeys + j) * 8 + t % 8', 'j * 8 + t % 8'],
    [
      'short: the last keys dropped',
      'for (; j < s.keys; ++j) ShortKeys<1>',
      'for (; j + 1 < s.keys; ++j) ShortKeys<1>',
    ],
    ['short: lse of the first queries', 'LoadLanes(head.lse + t, rows)', 'LoadLanes(head.lse, rows)'],
    [
      'the mask hides the own key',
      'Smaller(tile.columns, t + 1 - tile.key)',
      'Smaller(tile.columns, t - tile.key)',
    ],
    ['no Σ dy·y', 'p * (gradient - delta8) * scale8', 'p * gradient * scale8'],
    ['dq and dk not scaled', 'p * (gradient - delta8) * scale8', 'p * (gradient - delta8)'],
    ['dv without dropout', '      dropped = p * factor;\n', ''],
    ['the gradient of weights without dropout', '      gradient = gradient * factor;\n', ''],
    ['lse of the first row of a tile', 'b.scale, head.lse[t], delta', 'b.scale, head.lse[tile.query], delta'],
    ['y of the first row', 'Dot(head.y + t * channels,', 'Dot(head.y,'],
    ['a shared head of keys forgets the head before', 'add = later || head.add;', 'add = later;'],
    ['short: a shared head of keys forgets the head before', 'head % s.group > 0,', 'false,'],
    ['dq forgets the keys before', 'head.dq + at, row, tile.key > 0', 'head.dq + at, row, false'],
    ['dq is added to what was there', 'head.dq + at, row, tile.key > 0', 'head.dq + at, row, true'],
    ['dk and dv forget the queries before', 'later = tile.query > tile.key', 'later = false'],
    ['dk and dv are added to what was there', 'later = tile.query > tile.key', 'later = true'],
    [
      'keys that no query of the first tile sees stay as they were',
      'later ? tile.columns : loaded',
      'tile.columns',
    ],
    [
      'queries of the first tile',
      'Pack({head.q + at, row, 1}, tile.rows, n, room.queries);',
      'Pack({head.q + key_at, row, 1}, tile.rows, n, room.queries);',
    ],
    ['dk off by a query', '{.first_limit = limit - 1}', '{.first_limit = limit - 2}'],
    [
      'the last queries dropped',
      't < s.queries; t += kTileQueries) {  //',
      't + 1 < s.queries; t += kTileQueries) {  //',
    ],
    [
      'the tail of Σ dy·y dropped',
      'if (i < n) sum = MulAdd(LoadSome(a + i, n - i), LoadSome(b + i, n - i), sum);',
      '',
    ],
  ],
  'cpu/layer_norm.cc': [
    ['variance over C − 1', 'sqrtf(squares / count + epsilon)', 'sqrtf(squares / (count - 1) + epsilon)'],
    ['no epsilon', 'sqrtf(squares / count + epsilon)', 'sqrtf(squares / count)'],
    [
      'empty lanes in the variance',
      'KeepLanes(LoadLanes(x + i, lanes) - center, lanes)',
      'LoadLanes(x + i, lanes) - center',
    ],
    [
      'gain dropped',
      'MulAdd(z, LoadLanes(gain + i, lanes), LoadLanes(bias + i, lanes))',
      'z + LoadLanes(bias + i, lanes)',
    ],
    [
      'bias dropped',
      'MulAdd(z, LoadLanes(gain + i, lanes), LoadLanes(bias + i, lanes))',
      'z * LoadLanes(gain + i, lanes)',
    ],
    ['a chunk keeps one mean', 'mean[r] = row.mean;', 'mean[begin] = row.mean;'],
    ['dx without the mean of g', 'rstd * (g - mean_g - z * mean_gz)', 'rstd * (g - z * mean_gz)'],
    ['dx without z', 'rstd * (g - mean_g - z * mean_gz)', 'rstd * (g - mean_g)'],
    ['dgain overwrites', 'MulAdd(d, z, LoadLanes(dgain + i, lanes))', 'd * z'],
    ['dbias doubled', 'LoadLanes(dbias + i, lanes) + d)', 'LoadLanes(dbias + i, lanes) + d + d)'],
    [
      'the last block of dgain dropped',
      'for (int64_t b = 1; b < blocks; ++b)',
      'for (int64_t b = 1; b + 1 < blocks; ++b)',
    ],
    ['stale statistics', '{mean[r], rstd[r]}', '{mean[begin], rstd[begin]}'],
    [
      'partial sums not cleared',
      'std::memset(gains, 0, static_cast<size_t>(2 * channels) * sizeof(float));',
      '',
    ],
  ],
  'cpu/rms_norm.cc': [
    ['no epsilon', ' + Set(epsilon)', ''],
    ['the sum for the mean', 'Sqrt(SumEach(sums) / Set(static_cast<float>(n))', 'Sqrt(SumEach(sums)'],
    ['gain dropped', 'return a * factor * g;', 'return a * factor;'],
    ['the first row for all', 'LoadLanes(x + r * n + i, lanes);\n', 'LoadLanes(x + i, lanes);\n'],
    ['the end of a row dropped', 'for (; i < n; i += 8) sums[0]', 'for (; i + 8 <= n; i += 8) sums[0]'],
    ['half of a long row', 'return sums[0] + sums[1];', 'return sums[0];'],
    ['dx without z', 'factor * mean));', 'factor * Set(0)));'],
    ['dx: the gain dropped', 'if constexpr (kGain) h = h *', 'if constexpr (false) h = h *'],
    [
      'dx: the sum for the mean',
      'Store(means, SumEach(sums) / Set(static_cast<float>(n)));',
      'Store(means, SumEach(sums));',
    ],
    ['dgain overwrites', 'LoadLanes(dgain + i, lanes) + product', 'product'],
    ['partial sums not cleared', 'std::memset(sums, 0, static_cast<size_t>(n) * sizeof(float));', ''],
    [
      'the last block of dgain dropped',
      'for (int64_t b = 1; b < blocks; ++b)',
      'for (int64_t b = 1; b + 1 < blocks; ++b)',
    ],
    ['the last rows of a task dropped', 'r < end; r += few', 'r + few <= end; r += few'],
  ],
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
  'ops/math.h': [
    ['π/2 in one part', ' - n * kSecond, s', ', s', ['rope.cc']],
    ['a quarter turn forgotten', 'odd ? cosine : sine', 'sine', ['rope.cc']],
    ['the sign of cosine', '((quadrant + 1) & 2) << 62', '(quadrant & 2) << 62', ['rope.cc']],
    ['a coefficient of sine', '1.0 / 5040;', '1.0 / 5140;', ['rope.cc']],
    ['a coefficient of cosine', '1.0 / 720', '1.0 / 730', ['rope.cc']],
  ],
  'cpu/cross_entropy.cc': [
    [
      'empty lanes in the maximum',
      'FirstElse(n - i, LoadSome(logits + i, n - i), Set(-kFloatInfinity))',
      'LoadSome(logits + i, n - i)',
    ],
    [
      'empty lanes in the sum',
      'KeepLanes(Exp(LoadLanes(logits + j, lanes) - shift), lanes)',
      'Exp(LoadLanes(logits + j, lanes) - shift)',
    ],
    ['the last partial sum dropped', 'i < DivideUp(rows, chunk); ++i) total', 'i < rows / chunk; ++i) total'],
    ['the sum for the mean', 'total / static_cast<double>(rows)', 'total'],
    ['the loss of the first class', '{lse - logits[target],', '{lse - logits[0],'],
    ['one lse for a chunk', 'lse[r] = row.lse;', 'lse[begin] = row.lse;'],
    [
      'gradient not divided by the rows',
      '*call.inputs[3].f32() / static_cast<float>(rows)',
      '*call.inputs[3].f32()',
    ],
    ['no onehot', '(probability - Set(1)) * scale', 'probability * scale'],
    ['a stale lse', 'shift = Set(lse[r])', 'shift = Set(lse[begin])'],
    [
      'the gradient takes any target',
      'FirstOutside(targets, rows, vocabulary); bad >= 0) {\n    return JudgeRange(kCrossEntropyTargets, Complaint::kTarget, bad, targets[bad], 0, vocabulary - 1);\n  }\n  const float factor',
      'FirstOutside(targets, rows - 1, vocabulary); bad >= 0) {\n    return JudgeRange(kCrossEntropyTargets, Complaint::kTarget, bad, targets[bad], 0, vocabulary - 1);\n  }\n  const float factor',
    ],
  ],
  'cpu/embedding.cc': [
    [
      'a token overwrites',
      'Map(row, dy + i * channels, row, columns, [](F8 a, F8 b) { return a + b; });',
      'Map(row, dy + i * channels, row, columns, [](F8, F8 b) { return b; });',
    ],
    [
      'the table is not cleared',
      'std::memset(table + v * channels, 0,',
      'if (false) std::memset(table + v * channels, 0,',
    ],
    ['the first row of a slice dropped', 'tokens[i] < slice.row0 ||', 'tokens[i] <= slice.row0 ||'],
    ['columns of the first slice', 'call.inputs[1].f32() + slice.column0;', 'call.inputs[1].f32();'],
    [
      'a slice one column short',
      'Smaller(kTableColumns, channels - column)',
      'Smaller(kTableColumns, channels - column - 1)',
    ],
    [
      'a stale token',
      'table + tokens[i] * channels, static_cast<size_t>',
      'table + tokens[begin] * channels, static_cast<size_t>',
    ],
    [
      'one token more',
      'i < count; ++i) {\n    if (tokens[i] <',
      'i < count - 1; ++i) {\n    if (tokens[i] <',
    ],
  ],
  'cpu/adamw.cc': [
    ['v without the square', 's.beta2_rest * g * g', 's.beta2_rest * g'],
    ['no weight decay', 'LoadLanes(parameter + i, lanes) * s.decay -', 'LoadLanes(parameter + i, lanes) -'],
    ['v not corrected', 'Sqrt(new_v) / s.root_correction2', 'Sqrt(new_v)'],
    [
      'gradient not scaled',
      'LoadLanes(gradient + i, lanes) * s.gradient_scale',
      'LoadLanes(gradient + i, lanes)',
    ],
    [
      'the tail dropped',
      'i < count; i += 8) {\n    const int64_t lanes = Smaller(8, count - i);\n    const F8 g',
      'i + 8 <= count; i += 8) {\n    const int64_t lanes = Smaller(8, count - i);\n    const F8 g',
    ],
    ['gradients of the first chunk', 'gradients[i].f32() + begin,', 'gradients[i].f32(),'],
    [
      'm of the parameter before',
      'outputs[n + i].f32() + begin',
      'outputs[n + (i > 0 ? i - 1 : i)].f32() + begin',
    ],
  ],
  'ops/adamw.h': [
    ['m not corrected', 'static_cast<float>(rate / correction1)', 'static_cast<float>(rate)', ['adamw.cc']],
    [
      'one beta for both',
      'Power(p.beta2, static_cast<uint32_t>(step))',
      'Power(p.beta1, static_cast<uint32_t>(step))',
      ['adamw.cc'],
    ],
    ['a power one short', 'exponent != 0; exponent >>= 1', 'exponent > 1; exponent >>= 1', ['adamw.cc']],
  ],
  'cpu/sgd.cc': [
    ['decay left out', ' + s.weight_decay * p;', ';'],
    ['never Nesterov', 'kNesterov ? g + s.momentum * new_m : new_m', 'new_m'],
    [
      'm of the tensor before',
      'outputs[n + i].f32() + begin',
      'outputs[n + (i > 0 ? i - 1 : i)].f32() + begin',
    ],
  ],
  'cpu/muon.cc': [
    [
      'b and c exchanged',
      'MulAdd(Set(kMuonC), aa, Set(kMuonB) * a)',
      'MulAdd(Set(kMuonB), aa, Set(kMuonC) * a)',
    ],
    ['a not on the diagonal', 'square[i * side + i] += kMuonA', 'square[i * side] += kMuonA'],
    ['tall: the wrong side', 'product.b = tall ? matrix : self;', 'product.b = self;'],
    ['the step of wide matrices for all', 'longer > 1 ? sqrt(longer) : 1', '1'],
    ['m as it was', 'StoreLanes(x + i, lanes, g + momentum * new_m)', 'StoreLanes(x + i, lanes, new_m)'],
    ['the norm of the last chunk', 'sum += sums[j];', 'sum = sums[j];'],
    [
      'a scratch too small for later matrices',
      'matrix = Larger(matrix, ',
      'matrix = Smaller(matrix > 0 ? matrix : INT64_MAX, ',
    ],
    ['one iteration short', 'iteration < params.iterations', 'iteration + 1 < params.iterations'],
  ],
  'cpu/ema.cc': [
    [
      'decay for its rest',
      'static_cast<float>(1 - static_cast<double>(*call.inputs[0].f32()))',
      '*call.inputs[0].f32()',
    ],
    ['a parameter early', '&call.inputs[1 + call.outputs.size()]', '&call.inputs[call.outputs.size()]'],
  ],
  'cpu/many.h': [
    [
      'a tensor starts anew in each chunk',
      'Larger(first - start, 0)',
      '0',
      ['adamw.cc', 'ema.cc', 'global_norm.cc', 'sgd.cc', 'zero.cc'],
    ],
    [
      'tensors one short',
      'Smaller(last - start, count);',
      'Smaller(last - start, count) - (count > 1);',
      ['adamw.cc', 'ema.cc', 'global_norm.cc', 'sgd.cc', 'zero.cc'],
    ],
  ],
  'cpu/dropout.h': [
    [
      'a chunk begins the mask anew',
      'static_cast<uint64_t>(i), count, factors)',
      'static_cast<uint64_t>(i - begin), count, factors)',
    ],
    ['a dropped NaN stays', 'And(Greater(factor, Set(0)), x * factor)', 'x * factor'],
  ],
  'ops/philox.h': [
    [
      'kept values not scaled',
      'scale(static_cast<float>(1.0 / (1.0 - p)))',
      'scale(1.0f)',
      ['dropout.cc', 'dropout_add.cc', 'attention.cc', 'attention_backward.cc'],
    ],
    ['a round less', 'kPhiloxRounds = 10', 'kPhiloxRounds = 9', ['dropout.cc', 'sample.cc']],
  ],
  'cpu/random.h': [
    [
      'a row begins at a whole block',
      'i = -static_cast<int64_t>(first % 4)',
      'i = 0',
      ['attention.cc', 'attention_backward.cc'],
    ],
    ['the same block again', 'i += 64, block += 16', 'i += 64, block += 8', ['dropout.cc']],
    ['the same blocks twice', 'block + 8 * static_cast<uint64_t>(g)', 'block', ['dropout.cc']],
    [
      'the last factors stale',
      'if (i < count) FactorGroups<1>',
      'if (false) FactorGroups<1>',
      ['dropout.cc'],
    ],
    ['the draw forgotten', 'words[g][3] = random.draw;', 'words[g][3] = SetInt(0);', ['dropout.cc']],
  ],
  'cpu/dropout_add.cc': [
    ['residual forgotten', '[](F8 a, F8 b) { return a + b; }', '[](F8, F8 b) { return b; }'],
  ],
  'cpu/sum_leading.cc': [
    ['the last four rows dropped', 'r < rows; r += 4', 'r + 4 < rows; r += 4'],
    ['a stale row', '(at(2) + at(3))', '(at(2) + at(2))'],
    [
      'the last block dropped',
      'SumRows(partial + begin, blocks, columns',
      'SumRows(partial + begin, blocks - 1, columns',
    ],
    [
      'one column: the last block dropped',
      '*y = SumOne(partial, blocks);',
      '*y = SumOne(partial, blocks - 1);',
    ],
    ['rows of the first block', 'SumRows(x + row * columns + column, count', 'SumRows(x + column, count'],
  ],
  'cpu/global_norm.cc': [
    ['the last chunk dropped', 'i < DivideUp(total, kChunk); ++i) sum', 'i < total / kChunk; ++i) sum'],
    ['no root', 'static_cast<float>(sqrt(sum))', 'static_cast<float>(sum)'],
    ['one tensor for all', 'sum += SumOfSquares(', 'sum = SumOfSquares('],
  ],
  'cpu/squares.h': [
    ['the tail dropped', 'for (; i < n; ++i) lanes[0] += static_cast<double>(x[i]) * x[i];', ''],
  ],
  'cpu/sample.cc': [
    ['top_k one short', 'counts[digit] < k; --digit', 'counts[digit] <= k && digit > 0; --digit'],
    ['ties dropped', 'Ordered(logits[i]) >= threshold', 'Ordered(logits[i]) > threshold'],
    ['top p one short', 'above + sums[digit] < goal; --digit', 'above + sums[digit] <= goal * 0.5; --digit'],
    [
      'top p from the lowest',
      'if (Ordered(logits[i]) < least) weights[i] = 0;',
      'if (Ordered(logits[i]) > least) weights[i] = 0;',
    ],
    ['top p of what top k has dropped', 'how.top_p * total)', 'how.top_p)'],
    ['min p forgotten', 'if (weights[i] < how.min_p) weights[i] = 0;', ';'],
    [
      'the probability of another',
      'static_cast<double>(logits[token]) -',
      'static_cast<double>(logits[0]) -',
    ],
    ['the probability without the sum', ' - nano::Log(total));', ');'],
    [
      'the last of the largest',
      'if (logits[i] > logits[best]) best = i;',
      'if (logits[i] >= logits[best]) best = i;',
    ],
    ['no temperature', 'static_cast<double>(largest)) / temperature)', 'static_cast<double>(largest)))'],
    ['one key for all rows', 'in[5].u32() + 3 * row', 'in[5].u32()'],
    ['u not scaled by the sum', 'const double goal = u * total;', 'const double goal = u;'],
    ['a NaN is drawn from', 'if (logits[i] != logits[i]) return -1;', ''],
    ['−0 below 0', 'if (x == 0) x = 0.0f;', ''],
  ],
  'cpu/relu.cc': [
    ['a NaN becomes 0', 'AndNot(LessEqual(a, Set(0)), a)', 'And(Greater(a, Set(0)), a)'],
    ['a gradient at 0', 'And(Greater(a, Set(0)), b)', 'AndNot(Greater(Set(0), a), b)'],
  ],
  'cpu/relu_squared.cc': [
    ['a NaN becomes 0', 'Max(Set(0), x)', 'Max(x, Set(0))'],
    ['not squared', 'return Relu(a) * Relu(a);', 'return Relu(a);'],
    ['half the slope', '(Relu(a) + Relu(a)) * b', 'Relu(a) * b'],
  ],
  'cpu/gelu.cc': [
    ['a coefficient', '-2.7419792e-3f', '-2.7819792e-3f'],
    ['the last coefficient', '-4.0680985e-5f', '-5.0680985e-5f'],
    ['no density', 'MulAdd(x, normal.density, Share(x, normal.tail))', 'Share(x, normal.tail)'],
    ['the density without x', 'MulAdd(x, normal.density, Share', '(normal.density + Share'],
    ['no cube', 'x * MulAdd(Set(kDouble * kCubic), x * x, Set(kDouble))', 'x * Set(kDouble)'],
    ['the slope of the cube', 'Set(3 * kDouble * kCubic)', 'Set(kDouble * kCubic)'],
    ['x² overflows', 'Max(Set(-30.0f), Min(Set(30.0f), x))', 'x'],
    ['a slope cut early', 'Max(Set(-30.0f), Min(Set(30.0f), x))', 'Max(Set(-3.0f), Min(Set(3.0f), x))'],
    ['the slope for dx', 'return b * slope(a);', 'return slope(a);'],
    ['always tanh', 'if (call.params->as<GeluParams>().tanh) {\n    Apply(', 'if (true) {\n    Apply('],
    [
      'always tanh in the gradient',
      'if (call.params->as<GeluParams>().tanh) {\n    ApplyBackward(',
      'if (true) {\n    ApplyBackward(',
    ],
  ],
  'cpu/swiglu.cc': [
    ['not gated', 'TimesShare(a, Sigmoids(a).smaller) * b', 'TimesShare(a, Sigmoids(a).smaller)'],
    ['the logistic alone', 'TimesShare(a, Sigmoids(a).smaller) * b', 'Share(a, Sigmoids(a).smaller) * b'],
    [
      'dgate: the logistic for its slope',
      'MulAdd(a * logistic.smaller, logistic.larger, Share(a, logistic.smaller))',
      'Share(a, logistic.smaller)',
    ],
    ['dgate: not times up', 'd * b * slope', 'd * slope'],
    ['dup: not times the gate', 'd * TimesShare(a,', 'd * Share(a,'],
    ['the tail dropped', 'i < end; i += 8', 'i + 8 <= end; i += 8'],
  ],
  'cpu/soft_cap.cc': [
    ['not scaled back', 'return cap * Tanh(a / cap);', 'return Tanh(a / cap);'],
    ['not scaled', 'return cap * Tanh(a / cap);', 'return cap * Tanh(a);'],
    ['the gradient not scaled', 'const F8 tanh = a / cap;', 'const F8 tanh = a;'],
    ['the gradient not squared', '(one - tanh) * (one + tanh)', '(one - tanh)'],
  ],
  'cpu/add.cc': [
    ['b begins anew', 'const int64_t at = i % period, count', 'const int64_t at = 0, count'],
    ['minus', '{ return a + b; }', '{ return a - b; }'],
    ['one number for all', 'return x + each;', 'return x;'],
  ],
  'cpu/accumulate.cc': [['overwrites', '{ return a + b; }', '{ return b; }']],
  'cpu/loops.h': [
    [
      'the tail dropped',
      'if (i < n) StoreSome(y + i, n - i, f(LoadSome(a + i, n - i), LoadSome(b + i, n - i)));',
      '',
      ['add.cc'],
    ],
    [
      'the last chunk cut',
      'const int64_t tasks = DivideUp(count, chunk);',
      'const int64_t tasks = Larger(1, count / chunk);',
      ['relu.cc', 'copy.cc', 'fill.cc', 'dropout.cc'],
    ],
    [
      'the end of a sum dropped',
      'for (; i < n; i += 8) sums[0]',
      'for (; i + 8 <= n; i += 8) sums[0]',
      ['layer_norm.cc'],
    ],
  ],
  'cpu/simd.h': [
    ['a coefficient of log', '3.3333331174e-1f', '3.3433331174e-1f', ['attention.cc']],
    ['exp of −80 for less', 'Set(-105.0f)', 'Set(-20.0f)', ['cross_entropy.cc', 'attention.cc']],
    ['a coefficient of tanh', '1.33314422036e-1f', '1.33414422036e-1f', ['soft_cap.cc']],
    ['tanh: the sign lost', 'BitsOf(large) ^ BitsOf(And(Set(-0.0f), x))', 'BitsOf(large)', ['soft_cap.cc']],
    ['tanh: the polynomial too far', 'Set(0.625f)', 'Set(1.625f)', ['soft_cap.cc']],
    [
      'the share of a tail on both sides',
      'Select(Greater(x, Set(0)), Set(1.0f) - tail, tail)',
      'tail',
      ['swiglu.cc', 'gelu.cc'],
    ],
    [
      'x times the tail on both sides',
      'Max(Set(0), x) - Abs(x) * tail',
      'x * tail',
      ['swiglu.cc', 'gelu.cc'],
    ],
    ['exp of −80 for less than what a float holds', 'Set(-87.33f)', 'Set(-97.33f)', ['swiglu.cc', 'gelu.cc']],
    [
      'a coefficient of exp',
      '1.6666665459e-1f',
      '1.6696665459e-1f',
      ['cross_entropy.cc', 'attention_backward.cc'],
    ],
  ],
  'cpu/clip_scale.cc': [
    [
      'not clipped',
      '= ClipScale(*call.inputs[0].f32(), call.params->as<ClipScaleParams>().max_norm);',
      '= 1.0f;',
    ],
  ],
  'ops/clip_scale.h': [
    ['no 1e-6', 'static_cast<double>(norm) + 1e-6', 'static_cast<double>(norm)', ['clip_scale.cc']],
    ['scaled up', 'return scale > 1 ? 1.0f : scale;', 'return scale;', ['clip_scale.cc']],
  ],
  'cpu/fill.cc': [['one short', 'i < end; ++i) y[i]', 'i < end - 1; ++i) y[i]']],
  'cpu/tril_mean.cc': [
    ['the own row left out', 'j < past; ++j', 'j < past - 1; ++j'],
    ['the mean over all', 'static_cast<float>(past)', 'static_cast<float>(length)'],
    ['the future is stale', 'std::memset(row + past', 'if (false) std::memset(row + past'],
    ['rows of the first task', 'y + t * length', 'y + (t - begin) * length'],
  ],
  'cpu/copy.cc': [
    ['always the first chunk', 'std::memcpy(y + begin, x + begin,', 'std::memcpy(y + begin, x,'],
  ],
  'cpu/zero.cc': [
    ['one short', 'static_cast<size_t>(end - begin) * size', 'static_cast<size_t>(end - begin - 1) * size'],
  ],
  'cpu/gather_batch.cc': [
    ['targets are the tokens', 'static_cast<int32_t>(window[t + 1])', 'static_cast<int32_t>(window[t])'],
    ['an offset too far', 'offsets[b] + length >= size', 'offsets[b] + length > size'],
    ['one window for all', 'corpus + offsets[b];', 'corpus + offsets[begin];'],
  ],
  'cpu/positions.cc': [
    ['start forgotten', 'static_cast<int32_t>(starts[b] + t)', 'static_cast<int32_t>(t)'],
    ['the first start for all', 'static_cast<int32_t>(starts[b] + t)', 'static_cast<int32_t>(starts[0] + t)'],
  ],
  'cpu/cache_write.cc': [
    ['start forgotten', 'cache.dims[1] + start[b]) * channels', 'cache.dims[1]) * channels'],
    ['the stride of x', '(slot[b] * cache.dims[1] + start', '(slot[b] * x.dims[1] + start'],
    ['the slot of that number', '(slot[b] * cache.dims[1]', '(b * cache.dims[1]'],
    ['the last place refused', 'start[b] > last)', 'start[b] >= last)'],
    ['two in one slot', 'if (slot[other] == slot[b])', 'if (false)'],
  ],
  'cpu/count_tokens.cc': [
    ['the slot of that number', 'slot[b] * vocabulary;', 'b * vocabulary;'],
    [
      'the first token only',
      't < length; ++t) {\n      int32_t& count',
      't < 1; ++t) {\n      int32_t& count',
    ],
    [
      'counts wrap around',
      'if (count < 0x7FFFFFFF) ++count;',
      'count = static_cast<int32_t>(static_cast<uint32_t>(count) + 1);',
    ],
    ['a token behind the last', 'value >= vocabulary)', 'value > vocabulary)'],
  ],
  'cpu/repetition_penalty.cc': [
    ['every token', 'seen[v] == 0 ? x[v] : x[v] > 0', 'x[v] > 0'],
    ['negative ones become likelier', 'x[v] > 0 ? x[v] / penalty : x[v] * penalty', 'x[v] / penalty'],
    ['the slot of that number', 'slot[b] * vocabulary;', 'b * vocabulary;'],
  ],
  'cpu/select_row.cc': [
    ['the row after', '(b * rows + row) * channels', '(b * rows + row + 1) * channels'],
    ['a row behind the last', 'row >= rows)', 'row > rows)'],
    ['the first sequence for all', '(b * rows + row) * channels', 'row * channels'],
  ],
  'cpu/require_finite.cc': [['an Infinity passes', 'if (x - x != 0)', 'if (x != x)']],
}

const compiler = process.env.CXX ?? 'g++'
const instructionSet = process.arch === 'arm64' ? 'neon' : hasAvx2() ? 'avx2' : 'portable'

function hasAvx2() {
  if (process.arch !== 'x64') return false
  return (
    !existsSync('/proc/cpuinfo') ||
    /\bavx2\b.*\bfma\b|\bfma\b.*\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
  )
}

const native = join(work, 'native') // a copy: the sources may be edited during a hunt
const otherSets = 'run/other_sets.cc' // is written there

// By source: its object, and what the compiler says that it includes.
const objects = new Map()
const depends = new Map()

const isKernel = (path) =>
  path.startsWith('cpu/') && !/^(kernels|backend|measure_peak)\.cc$/.test(basename(path))

/** The sources of nano-run, below native/. */
function sources() {
  const all = ['cpu', 'engine', 'ops'].flatMap((folder) =>
    readdirSync(join(native, folder))
      .filter((name) => name.endsWith('.cc'))
      .map((name) => `${folder}/${name}`),
  )
  const others = ['gpu/backend.cc', 'cuda/open.cc', 'metal/stub.cc', 'run/nano_run.cc', 'run/case_file.cc']
  return [...all, ...others, otherSets]
}

const preludeOf = (kernel) => join(work, kernel ? 'kernels.h' : 'others.h')

/** Compiler flags that kernels, or the other sources, share. */
function flagsFor(kernel) {
  const flags = ['-std=c++20', '-w', '-ffp-contract=off', '-fno-math-errno', '-pthread', '-DNANO_SANITIZING']
  if (kernel) flags.push('-O1', `-DNANO_ISA=${instructionSet}`)
  else if (instructionSet !== 'portable') flags.push(`-DNANO_HAVE_${instructionSet.toUpperCase()}`)
  if (kernel && instructionSet === 'avx2') flags.push('-mavx2', '-mfma')
  return flags
}

/** Precompiles what the sources include of the standard library: it takes longer to compile than they do. */
async function precompile() {
  const vectors = { avx2: ['immintrin.h'], neon: ['arm_neon.h'], portable: [] }[instructionSet]
  const found = ['engine', 'ops', 'cpu'].flatMap((folder) =>
    readdirSync(join(native, folder))
      .filter((name) => name.endsWith('.h'))
      .flatMap((name) => [
        ...readFileSync(join(native, folder, name), 'utf8').matchAll(/^#include <(.*)>$/gm),
      ]),
  )
  const names = new Set(found.map(([, name]) => name).filter((name) => !/intrin|arm_neon/.test(name)))
  await parallel([false, true], async (kernel) => {
    const all = kernel ? [...names, ...vectors] : [...names]
    const header = preludeOf(kernel)
    writeFileSync(header, all.map((name) => `#include <${name}>\n`).join(''))
    const flags = [...flagsFor(kernel), '-x', 'c++-header']
    const { end, stderr } = await run(compiler, [...flags, header, '-o', `${header}.gch`])
    if (end !== 0) throw new Error(`the standard headers do not compile:\n${stderr}`)
  })
}

/** Compiles a source, which with what it includes is looked for in these folders: the object's path, in the first. */
async function compile(path, folders) {
  const source = folders.map((folder) => join(folder, path)).find(existsSync)
  const object = join(folders[0], `${path.replaceAll('/', '-')}.o`)
  const flags = [...flagsFor(isKernel(path)), '-MMD', '-include', preludeOf(isKernel(path))]
  const includes = folders.map((folder) => `-I${folder}`)
  const { end, stderr } = await run(compiler, [...flags, ...includes, '-c', source, '-o', object])
  if (end !== 0) throw new Error(`${path} does not compile:\n${stderr}`)
  return object
}

async function link(objects, folder) {
  const path = join(folder, 'nano-run')
  const { end, stderr } = await run(compiler, ['-pthread', ...objects.values(), '-ldl', '-o', path])
  if (end !== 0) throw new Error(`nano-run does not link:\n${stderr}`)
  return path
}

/** kernels.cc asks for the portable set too; where that is not the one compiled it is empty, and so are the loops of peak.cc. */
function writeOtherSets() {
  const empty = instructionSet === 'portable' ? [] : ['portable']
  const namespaces = empty.map(
    (set) => `namespace nano::cpu::${set} {
std::span<const Kernel> Kernels() { return {}; }
const PeakLoops& Loops() { static const PeakLoops none{}; return none; }
}`,
  )
  writeFileSync(
    join(native, otherSets),
    `#include "cpu/kernel.h"\n#include "cpu/peak.h"\n${namespaces.join('\n')}\n`,
  )
}

async function prepare() {
  cpSync(join(root, 'native'), native, { recursive: true })
  writeOtherSets()
  await precompile()
  await parallel(sources(), async (path) => {
    const object = await compile(path, [native])
    objects.set(path, object)
    depends.set(path, readFileSync(object.replace(/o$/, 'd'), 'utf8'))
  })
}

/** Runs cases: how they ended if not well, and the lines of those that failed. */
async function tryCases(runner, cases) {
  const args = ['--isa', instructionSet, '--threads', '3', ...cases.map(({ path }) => path)]
  const { end, stdout } = await run(runner, args, { timeout: 60_000 })
  return { end, failed: stdout.split('\n').filter((line) => line.startsWith('FAIL ')) }
}

async function tryWithout(cases) {
  const { end, failed } = await tryCases(await link(objects, work), cases)
  if (end !== 0) return `${failed.length} cases fail (${end}), first ${failed[0]}`
  console.log(`${cases.length} cases pass without a mutant (${instructionSet}).`)
}

async function judge({ file, what, how: kernels }, copy, cases) {
  const changed = [...objects.keys()].filter((path) =>
    kernels
      ? isKernel(path) && kernels.includes(basename(path))
      : depends.get(path).includes(join(native, file)),
  )
  if (changed.length === 0) throw new Error(`${file}: ${what}: no source holds it`)
  const own = new Map(objects)
  for (const path of changed) own.set(path, await compile(path, [copy, native]))
  const runner = await link(own, copy)
  // The cases of the ops whose kernels have changed first: most mutants fall there. Only the others meet all.
  const ops = changed.map((path) => basename(path, '.cc'))
  const first = cases.filter(({ name }) => ops.some((op) => name.startsWith(op)))
  for (const list of first.length > 0 ? [first, cases] : [cases]) {
    const { end, failed } = await tryCases(runner, list)
    if (typeof end === 'string') return end
    const names = [...new Set(failed.map((line) => line.split(' ')[1]))]
    if (end !== 0)
      return `${failed.length} of ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`
  }
  return ''
}

hunt(mutants, { prepare, tryWithout, judge })
