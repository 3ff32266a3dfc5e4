// Breaks Metal kernels and what launches them, one change at a time, on the emulated GPU, and demands that case files, the race detector
// or a test of products or the driver notice every one. An option beside those of hunt.js:
//
//   --build FOLDER   CMake's with -DNANO_GPT_METAL=emulated and CMAKE_EXPORT_COMPILE_COMMANDS, where all and nano-gemm-test are built

const { readFileSync, writeFileSync } = require('node:fs')
const { join, resolve } = require('node:path')
const { argument } = require('../processes')
const { alike, huntOnGpu, programsOf, rebuild, sourcesWith } = require('./gpu')
const { root } = require('./hunt')

// See hunt.js and, of how a mutant is judged, gpu.js.
const mutants = {
  // ---- What drives the GPU.
  'metal/driver.mm': alike(
    { gpu: true },
    [
      'a failure of an earlier command buffer is not seen',
      'if (outcome == Outcome::kOk) outcome = OutcomeOf(queue->committed.front(), message);',
      'outcome = OutcomeOf(buffer, message);',
      { gpu: 'program' },
    ],
    [
      'a wait for what is not committed',
      'if (event->buffer == event->queue->open) Commit(event->queue);',
      '',
      { gpu: true, healthy: true },
    ],
    [
      'a buffer from its beginning',
      'std::pair{buffer, offset}',
      'std::pair{buffer, size_t{0}}',
      { gpu: true, healthy: true },
    ],
    [
      'memory of others is bound as if it were there',
      'return buffer != nil;',
      'return true;',
      { gemm: ['f32 1 x 1 x 1'] },
    ],
    [
      'what lies behind a buffer is taken for its own',
      'return offset < buffer.length ?',
      'return offset < SIZE_MAX ?',
      { gemm: ['f32 1 x 1 x 1'] },
    ],
    [
      'a kernel for all constants',
      "for (const uint32_t constant : constants) key += ' ' + std::to_string(constant);",
      '',
      { cases: /^program (decode|prefill|loss) of/, each: 3 },
    ],
    [
      'memory is never given back',
      'queue->buffers.erase(static_cast<const std::byte*>(memory));',
      '',
      { gpu: true, healthy: true },
    ],
    ['no encoder is no error', 'if (queue->encoder == nil) return NoEncoder(message);', ''],
    ...alike(
      { gpu: true, healthy: true },
      [
        'long work is not cut up',
        'queue->seconds + command.seconds > most_seconds) Commit(queue);',
        'false) Commit(queue);',
      ],
      ['what a launch takes is not counted', 'queue->seconds += command.seconds;', ''],
      ['what a command buffer took counts for the next', '  queue->seconds = 0;\n', ''],
      ['flops are not counted', 'flops / kFlopsPerSecond,', '0.0,'],
      ['bytes are not counted', 'moved += operand.bytes;', ''],
      [
        'of cut work the last piece alone is timed',
        'if (event->timed) event->pieces = std::move(queue->pieces);',
        'if (event->timed) event->pieces = {event->buffer};',
      ],
    ),
    ...alike(
      { gpu: true, healthy: true, env: { SIMT_DEFAULT_DEVICE: '0' } },
      ['only the default GPU', 'if (found != nil) return found;', 'return found;'],
      ['an external GPU', '!device.removable && device.hasUnifiedMemory', 'true'],
      ['a GPU with memory of its own', '!device.removable && device.hasUnifiedMemory', '!device.removable'],
    ),
  ),
  'gpu/backend.cc': alike({ gpu: true, healthy: true }, [
    'new memory is not zeroed',
    '    std::memset(to, 0, bytes);\n',
    '',
  ]),
  // ---- Element by element.
  'metal/relu.metal': alike(
    { cases: /^relu/ },
    [
      'zero passes the gradient',
      'select(float4(0), gradient, value > 0)',
      'select(float4(0), gradient, value >= 0)',
    ],
    ['the sign of the mask', 'select(value, float4(0), value <= 0)', 'select(value, float4(0), value > 0)'],
    [
      'inputs change places',
      '{call.outputs[0], call.inputs[0], call.inputs[1]}',
      '{call.outputs[0], call.inputs[1], call.inputs[0]}',
    ],
  ),
  // ---- Checks.
  'metal/examine.h': alike(
    { cases: /refuses/ },
    [
      'the last complaint, not the first',
      'GroupMin(first, room, at)',
      'GroupMax(first == none ? 0u : first, room, at)',
    ],
    [
      'every thread complains',
      'if (thread_index != 0 || first == none) return;',
      'if (first == none) return;',
      { cases: /^(positions|count_tokens|cache_write) refuses/, races: true },
    ],
    [
      'no barrier before a complaint',
      '  threadgroup_barrier(mem_flags::mem_device);',
      '',
      { cases: /^(positions|count_tokens|cache_write) refuses/, races: true },
    ],
    ['the last is not examined', 'i < n && first == none', 'i + 1 < n && first == none'],
  ),
  'ops/judge.h': alike(
    { cases: /^(positions|rope|gather_batch|count_tokens|cache_write) / },
    ['the highest is refused', 'low <= value && value <= high', 'low <= value && value < high'],
    ['the lowest is refused', 'low <= value && value <= high', 'low < value && value <= high'],
    ['another index', 'complaint.index = index;', 'complaint.index = index + 1;'],
    ['another bound', 'complaint.high = high;', 'complaint.high = high + 1;'],
    ['another input', 'high;\n  complaint.input = input;', 'high;\n  complaint.input = input + 1;'],
  ),
  'metal/check.metal': alike(
    { cases: /^positions refuses/ },
    [
      'nothing is too low',
      'JudgeRange(input, what, i, values[i], low, high)',
      'JudgeRange(input, what, i, values[i], -0x7FFFFFFFFFFFL, high)',
      { cases: /^(rope|repetition_penalty) refuses/ },
    ],
    ['the high end comes first', '{low, high, n,', '{high, low, n,'],
    [
      'another input',
      'arguments, {call.inputs[input]}',
      'arguments, {call.inputs[0]}',
      { cases: /^(rope|repetition_penalty) / },
    ],
  ),
  // ---- Element by element.
  'metal/fill.metal': alike(
    { cases: /^fill / },
    ['one past the end', 'i >= arguments.n', 'i > arguments.n'],
    ['the number of elements', '= arguments.bits', '= arguments.n'],
    ['a float for bits', 'device uint* y', 'device float* y'],
  ),
  'metal/tril_mean.metal': alike(
    { cases: /^tril_mean / },
    ['a column too few', 'j <= t ?', 'j < t ?'],
    ['a row too few in the mean', 'float(t + 1)', 'float(t)'],
    ['transposed', 't = i / length, j = i - t * length', 'j = i / length, t = i - j * length'],
  ),
  'metal/copy.metal': alike(
    { cases: /^copy / },
    ['the tail is left out', 'for (ulong k = at; k < bytes; ++k) y[k] = x[k];', ''],
    ['the tail is rounded up', 'at + 16 <= bytes', 'at < bytes', { cases: /^copy /, races: true, each: 10 }],
    ['a unit too few', 'DivideUp(static_cast<int64_t>(bytes), 16)', 'static_cast<int64_t>(bytes) / 16'],
  ),
  'metal/cast.metal': alike(
    { cases: /^cast / },
    ['x has the dtype of y', 'FloatsIn(x, 1u)', 'FloatsIn(x, 0u)'],
    ['y has the dtype of x', 'FloatsOut(y, 0u)', 'FloatsOut(y, 1u)'],
    ['the tail is left out', 'i >= n) return', 'i + kQuad > n) return'],
  ),
  'metal/gather_batch.metal': alike(
    { cases: /^gather_batch / },
    ['targets are the tokens', 'int(window[1])', 'int(window[0])'],
    ['always of 16 bits', 'narrow ? "gather_batch_u16" : "gather_batch_u32"', '"gather_batch_u16"'],
    ['an offset too many', '- y[1] - 1, static', '- y[1], static'],
    ['the first offset for all', 'corpus + offsets[b] + t', 'corpus + offsets[0] + t'],
  ),
  'metal/positions.metal': alike(
    { cases: /^positions / },
    ['the first start for all', 'starts[b] + int(t)', 'starts[0] + int(t)'],
    ['one past the end', 'i >= arguments.n', 'i > arguments.n'],
    ['a position too many', 'kEnd - length);', 'kEnd - length + 1);'],
  ),
  'metal/add.metal': alike(
    { cases: /^add / },
    ['b begins anew with each four', '(in_b + k) % period', '(in_b + k * 0) % period'],
    ['fours over the end of b', '{whole, whole || period % kQuad == 0}', '{whole, true}'],
    ['b is never whole', 'kWhole ? i : i % period', 'kWhole ? i % 4 : i % period'],
    [
      'bf16 taken for f32',
      'FloatsIn addends(b, 2u)',
      'FloatsIn addends(b, false)',
      { cases: /^add .* bf16/ },
    ],
  ),
  'metal/relu_squared.metal': alike(
    { cases: /^relu_squared/ },
    ['a NaN becomes 0', 'select(x, float4(0), x <= 0)', 'select(float4(0), x, x > 0)'],
    ['half the slope', '(value + value) * gradient', 'value * gradient'],
    [
      'of the gradient alone',
      'Relu(LoadQuad(FloatsIn(x, 1u), i, n)), gradient',
      'Relu(LoadQuad(FloatsIn(dy, 2u), i, n)), gradient',
    ],
  ),
  'metal/logistic.h': alike(
    { cases: /^(swiglu|gelu)/ },
    ['for positive numbers alone', 'exp(-fabs(x))', 'exp(-x)'],
    ['the larger for both', 'logistic.smaller = e * logistic.larger', 'logistic.smaller = logistic.larger'],
    ['the tail on both sides', 'select(tail, 1.0f - tail, x > 0)', 'tail'],
  ),
  'metal/gelu.metal': alike(
    { cases: /^gelu/ },
    [
      'tanh is never meant',
      '"gelu", "gelu"}, {call.outputs[0], call.inputs[0]},\n                  {call.params->as<GeluParams>().tanh}',
      '"gelu", "gelu"}, {call.outputs[0], call.inputs[0]},\n                  {0}',
    ],
    ['a coefficient', '6.217671e-2f', '6.217971e-2f'],
    ['the slope of the argument', '3 * kDouble * kCubic', '2 * kDouble * kCubic'],
    [
      'far numbers are squared',
      'z = select(below, float4(-30.0f), below < -30.0f)',
      'z = x',
      { cases: /^gelu_backward squares that overflow/ },
    ],
    ['no density', 'fma(x, normal.density, Share(x, normal.tail))', 'Share(x, normal.tail)'],
  ),
  'metal/swiglu.metal': alike(
    { cases: /^swiglu/ },
    [
      'gate and up change places',
      'x = LoadQuad(FloatsIn(gate, 1u), i, n), factor = LoadQuad(FloatsIn(up, 2u), i, n)',
      'factor = LoadQuad(FloatsIn(gate, 1u), i, n), x = LoadQuad(FloatsIn(up, 2u), i, n)',
    ],
    ['the sigmoid alone', 'fma(x * logistic.smaller, logistic.larger, share)', 'share'],
    [
      'gradients change places',
      '{call.outputs[0], call.outputs[1], call.inputs[0]',
      '{call.outputs[1], call.outputs[0], call.inputs[0]',
    ],
    [
      'bf16 taken for f32',
      'FloatsOut(dup, 1u)',
      'FloatsOut(dup, false)',
      { cases: /^swiglu_backward .* bf16/ },
    ],
  ),
  'metal/soft_cap.metal': alike(
    { cases: /^soft_cap/ },
    ['no cap before tanh', 'precise::tanh(value / arguments.cap)', 'precise::tanh(value)'],
    ['no cap after it', 'n, arguments.cap * precise', 'n, precise'],
    ['the slope of tanh', '(1.0f - tanh) * (1.0f + tanh)', '(1.0f - tanh)'],
  ),
  'metal/accumulate.metal': alike(
    { cases: /^accumulate / },
    [
      'the first input, which is the total',
      '{call.outputs[0], call.inputs[1]}',
      '{call.outputs[0], call.inputs[0]}',
    ],
    ['nothing is kept', 'LoadQuad(FloatsIn(total, 0u), i, n) + LoadQuad', 'LoadQuad'],
    ['the tail is left out', 'i >= n) return', 'i + kQuad > n) return'],
  ),
  // ---- Dropout.
  'metal/dropout.h': alike(
    { cases: /^dropout/ },
    ['kept and dropped', 'block.word[k] >= arguments', 'block.word[k] < arguments'],
    ['the same words for all fours', '.Block(i / kQuad)', '.Block(0)'],
    ['what is kept is not scaled', 'x[k] * arguments.scale', 'x[k]'],
    [
      'a NaN is dropped into a NaN',
      '? x[k] * arguments.scale : 0.0f',
      '? x[k] * arguments.scale : 0.0f * x[k]',
    ],
    ['another site', 'RandomStream(rng, arguments.site)', 'RandomStream(rng, arguments.site + 1)'],
  ),
  'metal/dropout_add.metal': alike(
    { cases: /^dropout_add / },
    ['no residual', 'LoadQuad(FloatsIn(residual, 3u), i, n) + dropped', 'dropped'],
    ['the dtype of rng', 'FloatsIn(residual, 3u)', 'FloatsIn(residual, 2u)'],
    ['the tail is left out', 'i >= n) return', 'i + kQuad > n) return'],
  ),
  // ---- Many tensors.
  'metal/many.h': alike(
    { cases: /^(ema|zero|sgd|adamw|global_norm) / },
    ['bytes are not counted', 'first[kind][tensor].spec->bytes();', '0;', { gpu: true, healthy: true }],
    ['a chunk of another tensor', 'many.chunks[index] <= group', 'many.chunks[index] < group'],
    ['chunks of all before', '(index > 0 ? many.chunks[index - 1] : 0u)', '0u'],
    [
      'to the end of the chunk',
      'min(chunk.begin + kManyChunk, many.elements[index])',
      'chunk.begin + kManyChunk',
    ],
    ['the last operand is never met', 'i < kManyOperands; ++i', 'i + 1 < kManyOperands; ++i'],
    ['one tensor too few in a launch', 'done += kMost)', 'done += kMost + 1)'],
    ['all places count', 'if (k < these) chunks +=', 'chunks +='],
    [
      'scratch of each launch from its beginning',
      'many.before += chunks',
      'many.before += 0',
      { cases: /^global_norm / },
    ],
  ),
  'metal/zero.metal': alike(
    { cases: /^zero / },
    ['4 bytes for every dtype', 'many.element_bytes[chunk.index]', 'many.element_bytes[chunk.index] * 0 + 4'],
    ['the tail is left out', 'for (uint k = i; k < bytes; ++k) at[k] = 0;', ''],
    ['always the first chunk', '+ ulong(chunk.begin) * size', ''],
  ),
  'metal/ema.metal': alike(
    { cases: /^ema / },
    ['the decay for the rest', '1.0f - *decay', '*decay'],
    [
      'the average for the parameter',
      '{call.outputs, call.inputs + 1 + n}',
      '{call.outputs, call.inputs + 1}',
    ],
    ['nothing is stored', 'UpdateChunk<2, 1>', 'UpdateChunk<2, 0>'],
  ),
  'metal/sgd.metal': alike(
    { cases: /^sgd / },
    ['always Nesterov', 'nesterov ? g + momentum', 'true ? g + momentum'],
    ['no decay', ' + weight_decay * x[0]', ''],
    ['momentum is not stored', 'UpdateChunk<3, 2>', 'UpdateChunk<3, 1>'],
    ['rate and scale change places', 'call.inputs[0], call.inputs[1]);', 'call.inputs[1], call.inputs[0]);'],
  ),
  'metal/adamw.metal': alike(
    { cases: /^adamw / },
    ['a step too few', 'exponent & 1) correction', '(exponent - 1) & 1) correction'],
    ['one correction for both', 'Correction(arguments.beta2_rest,', 'Correction(arguments.beta1_rest,'],
    ['no decay', 'x[0] *= step.decay', 'x[0] *= 1'],
    ['the gradient is not scaled', 'x[3] * step.gradient_scale', 'x[3]'],
    [
      'epsilon under the root',
      'sqrt(x[2]) / step.root_correction2 + epsilon',
      'sqrt(x[2] + epsilon) / step.root_correction2',
    ],
    ['step 0 passes', 'if (step >= 1) {', 'if (step >= 0) {', { cases: /^adamw refuses/ }],
    ['v is not stored', 'UpdateChunk<4, 3>', 'UpdateChunk<4, 2>'],
  ),
  'metal/global_norm.metal': alike(
    { cases: /^global_norm / },
    ['not scaled', 'PowerOfTwo(-ScaleOf(largest))', '1.0f'],
    ['chunks are added as they are', 'Multiply(mine, PowerOfTwo(below))', 'mine'],
    ['an infinity is a number', 'if (largest >= kInfinityBits) {', 'if (largest > kInfinityBits) {'],
    [
      'the last chunks are left out',
      'i < arguments.chunks; i += kManyThreads) {',
      'i + 1 < arguments.chunks; i += kManyThreads) {',
    ],
    [
      'the scale of one element',
      'GroupMax(max(max(most.x, most.y), max(most.z, most.w)), room, threads)',
      'max(max(most.x, most.y), max(most.z, most.w))',
    ],
    ['the scratch of a chunk less', 'return chunks * sizeof', 'return (chunks - 1) * sizeof'],
  ),
  'metal/clip_scale.metal': alike(
    { cases: /^clip_scale / },
    ['small norms are scaled up', 'within ? 1.0f : ToFloat', 'false ? 1.0f : ToFloat'],
    ['a NaN is lost', '*scale = value;  // a NaN stays one', '*scale = 1;'],
    ['an infinite norm', '*scale = 0;', '*scale = 1;'],
    ['a bound where there is none', 'std::isfinite(max_norm)', 'true'],
  ),
  'metal/require_finite.metal': alike(
    { cases: /^require_finite / },
    ['an infinity passes', '!= 0x7F800000u', '!= 0x7FC00000u'],
    ['nothing is passed on', '    *y = value;\n', ''],
    ['another number is named', 'NotFinite(kRequireFiniteX, value)', 'NotFinite(kRequireFiniteX, 0)'],
  ),
  // ---- Rows that are moved, tokens.
  'metal/move_rows.h': alike(
    { cases: /^(cache_write|select_row) / },
    ['fours where there are none', 'return columns % kQuad == 0;', 'return true;'],
    ['one past the end', 'i >= arguments.n', 'i > arguments.n'],
    ['where it came from', 'way.target * width + at] = ((device', 'way.source * width + at] = ((device'],
  ),
  'metal/cache_write.metal': alike(
    { cases: /^cache_write / },
    ['the start is not seen', '+ uint(start[b]) + t', '+ t'],
    ['the slot is not seen', 'uint(slot[b]) * places', 'b * places'],
    ['slots may be the same', 'other < b; ++other', 'other < 0; ++other'],
    [
      'a place too many',
      'long(arguments.places) - long(arguments.length)',
      'long(arguments.places) - long(arguments.length) + 1',
    ],
  ),
  'metal/select_row.metal': alike(
    { cases: /^select_row / },
    ['always the first row', 'b * rows + row, b', 'b * rows, b'],
    ['a row too many', 'long(arguments.rows) - 1)', 'long(arguments.rows))'],
    ['of the first sequence', 'b * rows + row, b', 'row, b'],
  ),
  'metal/count_tokens.metal': alike(
    { cases: /^count_tokens / },
    ['counts that wrap', 'found != 0x7FFFFFFF &&\n         ', ''],
    [
      'an update may be lost',
      '!atomic_compare_exchange_weak_explicit(count, &found, found + 1, memory_order_relaxed, memory_order_relaxed)',
      'false',
    ],
    ['the slot of another sequence', 'slot[i / arguments.length]', 'slot[0]'],
    ['a token too many', 'token[at], 0, long(vocabulary) - 1', 'token[at], 0, long(vocabulary)'],
  ),
  'metal/repetition_penalty.metal': alike(
    { cases: /^repetition_penalty / },
    ['negative logits are divided too', 'x > 0 ? x / *penalty : x * *penalty', 'x / *penalty'],
    ['a penalty of 0 passes', '&& value > 0) return', '&& value >= 0) return'],
    ['the slot of another sequence', 'slot[i / arguments.sequence]', 'slot[0]'],
    [
      'slots are not checked',
      'Complaint::kSlot, 0, InputShape(call, 1)[0] - 1',
      'Complaint::kSlot, 0, InputShape(call, 1)[0]',
    ],
  ),
  'metal/rope.metal': alike(
    { cases: /^rope / },
    ['forwards where it goes back', 'arguments.sign * turn.sine', 'turn.sine'],
    ['turned the wrong way', 'a * cosine - b * sine', 'a * cosine + b * sine'],
    [
      'angles of the first pairs again',
      'Frequency(p, first + i, pairs)',
      'Frequency(p, i, pairs)',
      { cases: /^rope \[2,2,5000\] in 1/ },
    ],
    ['the quadrant below', '(turn + 0x20000000u) >> 30', 'turn >> 30'],
    [
      'angles of 32 bits',
      'position * arguments.frequencies[(i + k) % kRopePairs]',
      'ulong(position * uint(arguments.frequencies[(i + k) % kRopePairs] >> 32)) << 32',
    ],
    [
      'positions of other rows',
      'positions[row % arguments.positions]',
      'positions[row / arguments.positions]',
    ],
    ['y taken for x', 'const FloatsOut out(y, 0u)', 'const FloatsOut out(y, 1u)', { cases: /^rope .* bf16/ }],
    ['a position too many', 'kRopeLimit - 1);', 'kRopeLimit);', { cases: /^rope refuses/ }],
  ),
  // ---- Products.
  'metal/gemm.h': alike(
    { gemm: ['f32 17 x 15 x 31', 'f32 33 x 65 x 17'] },
    ['flops are not counted', 'work.parts, 1, flops}', 'work.parts}', { gpu: true, healthy: true }],
    ['terms past the last', 'min(place.first + work.part_terms, work.k)', 'place.first + work.part_terms'],
    ['bands of tiles are never short', 'min(work.tiles_down - above, kBand)', 'kBand'],
    ['c is not added to', 'if (kAccumulate != 0) sums +=', 'if (kAccumulate == 9) sums +='],
    [
      'the bias from its beginning',
      'LoadQuad(FloatsIn(bias, false), column, column + count)',
      'LoadQuad(FloatsIn(bias, false), 0, count)',
    ],
    [
      'all parts go to one place',
      'place.part * work.part_step',
      '0 * work.part_step',
      { gemm: ['f32 1 x 9 x 4200'] },
    ],
    [
      'all matrices are the first',
      'place.matrix * work.a_step',
      '0 * work.a_step',
      { gemm: ['f32 5 x 17 x 9'] },
    ],
    [
      'relu hides a NaN',
      'select(sums, float4(0), sums < 0)',
      'select(float4(0), sums, sums > 0)',
      { cases: /^linear .*NaN/ },
    ],
    [
      'tf32 is cut off',
      '(bits + 0x1000u) & 0xFFFFE000u',
      'bits & 0xFFFFE000u',
      { gemm: ['tf32 3 x 33', 'tf32 17 x 15'] },
    ],
  ),
  'metal/gemm.metal': [
    ...alike(
      { gemm: ['f32 33 x 65 x 17', 'f32 65 x 36 x 72', 'f32 33 x 66 x 37'] },
      ['rows past the last', 'if (to_row < work.m && to_column < work.n) {', 'if (to_column < work.n) {'],
      ['columns past the last', 'min(work.n - to_column, kQuad),', 'kQuad,'],
      ['the last step is whole', 'move_a.Load(left - int(kStep));', 'move_a.Load(left);'],
      [
        'sides that are not there',
        'line >= (across ? left : sides) ? 0',
        'line >= (across ? left : int(kSides)) ? 0',
      ],
      ['fours of any size', 'if (count >= int(kQuad)) {', 'if (count > 0) {'],
      ['a tail is zero', 'for (int e = 0; e < count; ++e) quad[e] = at[e];', ''],
      ['not turned', 'kAcrossB != 0, kAcrossB == 0)', 'kAcrossB != 0, false)'],
      ['half of a step', 'term < kStep; term += kMatrix', 'term < kStep / 2; term += kMatrix'],
      ['the next step where this one was', 'from += across ? kStep * stride : kStep;', ''],
      [
        'a part is left out',
        'first < work.k; first += work.part_terms',
        'first + work.part_terms < work.k; first += work.part_terms',
        { gemm: ['f32 33 x 35 x 1100'] },
      ],
      [
        'parts add to c',
        'work.accumulate = work.has_bias = work.relu = false;',
        'work.has_bias = work.relu = false;',
        { gemm: ['f32 33 x 35 x 1100'] },
      ],
      [
        'scratch for one part',
        'static_cast<size_t>(parts * p.batch',
        'static_cast<size_t>(p.batch',
        { gemm: ['f32 33 x 35 x 1100'] },
      ],
      [
        'bf16 taken for f16',
        '"gemm_bf16_32" : "gemm_bf16_64"',
        '"gemm_f16_32" : "gemm_f16_64"',
        { gemm: ['bf16 to f32 17 x 15 x 31'] },
      ],
      ['f32 is tf32', 'precision == Precision::kTf32 && p.dtype == Dtype::kF32', 'p.dtype == Dtype::kF32'],
    ),
    ...alike(
      { gemm: ['f32 64 x 136 x 96'], races: true },
      [
        'no barrier before a step',
        '    threadgroup_barrier(mem_flags::mem_threadgroup);  // all have done with the last step\n',
        '',
      ],
      [
        'no barrier in a step',
        '    move_b.Store(tile_b);\n    threadgroup_barrier(mem_flags::mem_threadgroup);\n',
        '    move_b.Store(tile_b);\n',
      ],
      [
        'sums among the last terms',
        '  threadgroup_barrier(mem_flags::mem_threadgroup);\n#pragma unroll\n',
        '#pragma unroll\n',
      ],
      [
        'rows are read too early',
        'kLine);\n    simdgroup_barrier(mem_flags::mem_threadgroup);\n',
        'kLine);\n',
      ],
      [
        'rows are written too early',
        '      }\n    }\n    simdgroup_barrier(mem_flags::mem_threadgroup);\n  }\n',
        '      }\n    }\n  }\n',
      ],
    ),
  ],
  'metal/gemm_thin.metal': alike(
    { gemm: ['f32 3 x 33 x 65', 'f32 5 x 17 x 9', 'f32 4 x 70 x 136'] },
    ['the second column twice', '(columns - 1) * work.b_stride', '0 * work.b_stride'],
    ['columns change places', 'float4(first, second, 0.0f, 0.0f)', 'float4(second, first, 0.0f, 0.0f)'],
    ['terms past the last', 'begin_b + p, begin_b + terms)', 'begin_b + p, begin_b + terms + 1)'],
    [
      'rows of a lie alike',
      'const uint at = begin_a + i * row_step;',
      'const uint at = begin_a + i * work.a_stride;',
    ],
    [
      'a simdgroup is left out',
      'for (uint i = 1; i < kAcrossSimdgroups; ++i) sum +=',
      'for (uint i = 2; i < kAcrossSimdgroups; ++i) sum +=',
    ],
    [
      'no barrier',
      '  threadgroup_barrier(mem_flags::mem_threadgroup);\n',
      '',
      { cases: /^matmul [1-8]x\d+x\d+$/, races: true, each: 20 },
    ],
    ['tf32 is not rounded', 'kTf32 != 0 ? ToTf32(value) : value', 'value', { gemm: ['tf32 3 x 33 x 65'] }],
    [
      'f16 is f32',
      'return (kDtypes >> (2 * number) & 3) == 2;',
      'return number == 9;',
      { gemm: ['f16 to f32 3 x 33 x 65'] },
    ],
  ),
  // ---- Ops that are products.
  'metal/linear.metal': alike(
    { cases: /^linear 7x\d+x\d+( relu)?$/ },
    ['no bias', '  product.bias = static_cast<const float*>(call.inputs[2].data);\n', ''],
    ['no relu', 'call.params->as<LinearParams>().relu', 'false'],
    [
      'rows a row short',
      'product.m = x.elements() / product.k;',
      'product.m = x.elements() / product.k - 1;',
    ],
  ),
  'metal/batched_matmul.metal': alike(
    { cases: /^batched_matmul \[[23]\] [57]x[37]x\d( tb| ta)?(, . shared)?$/ },
    ['all products in one place', 'products.c_step = p.each.m * p.each.n;', 'products.c_step = 0;'],
    ['a is shared', 'products.a.step = p.a_step,', 'products.a.step = 0,'],
    ['a product short', 'products.batch = p.batch;', 'products.batch = p.batch - 1;'],
  ),
  'metal/matmul_accumulate.metal': alike({ cases: /^matmul_accumulate 7x5x\d$/ }, [
    'nothing is added',
    'product.accumulate = true;',
    'product.accumulate = false;',
  ]),
  // ---- Sums.
  'metal/sum_leading.metal': alike(
    { cases: /^sum_leading (\[?(255|257|513|9001|70001|300|2)|rank)/ },
    ['the last chunk is whole', 'min(first + cut.chunk, cut.rows)', 'first + cut.chunk'],
    ['a row is left out', 'r < last; r += cut.depth', 'r + 1 < last; r += cut.depth'],
    ['an odd row is lost', '(rows + 1) / 2', 'rows / 2'],
    ['quads over the end', '(r + 1) * cut.columns', '(r + 2) * cut.columns'],
    [
      'no barrier',
      '    threadgroup_barrier(mem_flags::mem_threadgroup);\n',
      '',
      { cases: /^sum_leading \[?(255|257)/, races: true },
    ],
    [
      'the chunks are not summed',
      'outcome != Outcome::kOk || cut.chunks == 1',
      'outcome != Outcome::kOk || cut.chunks >= 1',
    ],
  ),
  'metal/muon.metal': alike(
    { cases: /^muon (\[|the direction|momentum|scale|rate|no decay|decay|of rank|\d)/ },
    ['momentum is not applied', 'g += momentum * now;', 'g = now;'],
    [
      'a chunk is left out',
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
    ['no decay', 'fma(-rate, arguments.decay, 1.0f)', '1.0f'],
    ['tall matrices move no further', 'longer > 1 ? std::sqrt(longer) : 1', '1'],
    [
      'b and c change places',
      'kMuonB,\n                                   kMuonC',
      'kMuonC,\n                                   kMuonB',
    ],
  ),
  // ---- Rows.
  'metal/rows.h': alike(
    { cases: /^layer_norm(_backward)? (\[3,[35]\]|\[1100,65\]|\[65,11\]|\[5,257\])$/ },
    [
      'what a row has not counts',
      'return i + kQuad <= n ? four : select',
      'return i < n ? four : select',
      { cases: /^layer_norm \[\d+,(3|5|65)\]$/ },
    ],
    [
      'rows that are not there are read',
      'return IsAlone() || is_there ? kColumns : 0;',
      'return kColumns;',
      { cases: /^layer_norm(_backward)? \[(3,[35]|65,11)\]$/ },
    ],
    [
      'eight lanes are a simdgroup',
      'if (kRowThreads == kSimd) return simd_sum(value);',
      'if (kRowThreads <= kSimd) return simd_sum(value);',
    ],
    [
      'a group is a simdgroup',
      'if (kRowThreads > kSimd) return GroupSum(value, room, at.threads);',
      'if (kRowThreads > kSimd) return simd_sum(value);',
      { cases: /^layer_norm (\[35,3001\]|\[5,4099\])$/ },
    ],
    [
      'a turn is not loaded',
      'if (InTurns()) Load(row, start, n, at);',
      '',
      { cases: /^(layer_norm \[5,8203\]|rms_norm_backward \[5,5003\] in 1)$/ },
    ],
    [
      'sums of long rows are not cleared',
      'held[k] = first ? float4(0) : LoadQuad',
      'held[k] = LoadQuad',
      { cases: /^rms_norm_backward \[5,5003\] in 1$/ },
    ],
    [
      'sums of long rows are not kept',
      'if (InTurns()) Store(start, at);',
      '',
      { cases: /^rms_norm_backward \[5,5003\] in 1$/ },
    ],
    [
      'lanes of a simdgroup are not joined',
      'offset < kSimd; offset *= 2) {\n        held',
      'offset < 16; offset *= 2) {\n        held',
      { cases: /^layer_norm_backward \[(65,11|33,11|1100,65)\]$/ },
    ],
    [
      'the first simdgroup only',
      'if (simdgroup > 0) held[k] += place;',
      'if (simdgroup > 1) held[k] += place;',
      { cases: /^layer_norm_backward \[1100,65\]$/ },
    ],
    [
      'no barrier between simdgroups',
      '      threadgroup_barrier(mem_flags::mem_threadgroup);\n    }\n  }\n\n  void Store',
      '    }\n  }\n\n  void Store',
      { cases: /^layer_norm_backward \[1100,65\]$/ },
    ],
  ),
  'metal/rows.metal': alike(
    { cases: /^layer_norm_backward \[(35,3001|1100,65|65,11|5,257)\]$/ },
    ['no barrier', '  threadgroup_barrier(mem_flags::mem_threadgroup);', ''],
    ['a simdgroup short', 'i < kParts; ++i) sum', 'i < kParts - 1; ++i) sum'],
    ['slabs are skipped', 'slab += kParts', 'slab += kParts + 1'],
    ['the second sums in the first', 'second[column - arguments.n]', 'first[column - arguments.n]'],
    ['columns past the last', 'if (part != 0 || column >= width) return;', 'if (part != 0) return;'],
  ),
  'metal/layer_norm.metal': alike(
    { cases: /^layer_norm(_backward)? (\[3,[35]\]|\[5,257\]|\[65,11\]|\[1100,65\])$/ },
    [
      'what is behind the end deviates',
      'Within(part.held[k] - center, start + at.First(k), n)',
      'part.held[k] - center',
    ],
    [
      'no epsilon',
      '/ float(kColumns) + arguments.epsilon',
      '/ float(kColumns)',
      { cases: /^layer_norm epsilon 1e-2$/ },
    ],
    ['the mean is not kept', 'mean[row] = center;', 'mean[row] = 0;'],
    ['no mean of g', 'weighted - means.x - normed', 'weighted - normed'],
    ['the bias gets dy·z', 'biases.held[k] += gradient;', 'biases.held[k] += gradient * normed;'],
    [
      'rows are taken twice',
      'first += groups * at.rows) {',
      'first += groups * at.rows / 2) {',
      { cases: /^layer_norm_backward \[1100,65\]$/ },
    ],
    ['the bias has the gain’s slab', '(group * 2 + 1) * kColumns', '(group * 2) * kColumns'],
  ),
  'metal/rms_norm.metal': alike(
    { cases: /^rms_norm(_backward)? (\[3,5\] in 1|\[5,6\] in 3|\[5,257\] in 1|\[1100,65\] in 5)/ },
    [
      'the gain twice',
      'normed * LoadQuad(gains, i, n) : normed',
      'normed * LoadQuad(gains, i, n) * LoadQuad(gains, i, n) : normed',
    ],
    ['no gain', 'kHasGain != 0 ? normed * LoadQuad(gains, i, n) : normed', 'normed'],
    [
      'the products without the gain',
      'products += has_gain ? product * LoadQuad(weights, start + at.First(k), n) : product;',
      'products += product;',
    ],
    ['z is not normed', 'z.held[k] * factor * mean', 'z.held[k] * mean'],
    [
      'no epsilon',
      '/ float(kColumns) + arguments.epsilon',
      '/ float(kColumns)',
      { cases: /^rms_norm (epsilon 1e-2|all 0)/ },
    ],
  ),
  // ---- Embedding.
  'metal/embedding.metal': alike(
    { cases: /^embedding(_backward)? (7 of 5x[35]|1100 of 65x130|700 of 2x5|70 of 2x1030|301 of 5003x71)$/ },
    ['a row of the wrong token', 'Way{uint(tokens[i]), i}', 'Way{uint(tokens[0]), i}'],
    ['the table is not cleared', 'StoreQuad(FloatsOut(table, false), i, n, float4(0));', ''],
    ['runs are not told apart', 'i > 0 && padded[i] == token ?', 'i > 0 ?'],
    [
      'what a run began with before is lost',
      'const bool began_before = padded[0] == token',
      'const bool began_before = false',
    ],
    ['what goes on ends', 'goes_on = padded[i + 2] == token', 'goes_on = false'],
    ['a piece too few joins', 'next * kPiece < count && tokens', '(next + 1) * kPiece < count && tokens'],
    [
      'no barrier',
      '  threadgroup_barrier(mem_flags::mem_threadgroup);\n  const uint column',
      '  const uint column',
    ],
    [
      'the first slice of the columns',
      'group % arguments.slices * threads + index);\n  if (column >= columns) return;\n  const FloatsIn gradients',
      'index);\n  if (column >= columns) return;\n  const FloatsIn gradients',
    ],
    ['every run of a piece is left over', 'first > 0 && tokens[first - 1] == token', 'false'],
  ),
  'metal/sort.metal': alike(
    { cases: /^embedding_backward (1100 of 65x130|301 of 5003x71|40 of 70001x1|1300 of 600x3)$/ },
    [
      'equal digits change places',
      'before[simdgroup][digit] + earlier;',
      'before[simdgroup][digit] + popcount(same) - 1 - earlier;',
    ],
    [
      'always the first digit',
      'uint(key) >> shift &',
      'uint(key) &',
      { cases: /^embedding_backward (301 of 5003x71|1300 of 600x3)$/ },
    ],
    [
      'earlier tiles are not counted',
      'if (t < tile) below += count;',
      'if (t < tile) below += 0;',
      { cases: /^embedding_backward 1(100|300) of/ },
    ],
    [
      'a barrier is missing',
      'threadgroup_barrier(mem_flags::mem_threadgroup);\n\n  if (!has) return;',
      '\n  if (!has) return;',
    ],
    [
      'simdgroups of digits are not added',
      'start += room[s];',
      'start += 0;',
      { cases: /^embedding_backward (301 of 5003x71|1300 of 600x3)$/ },
    ],
    [
      'places start again',
      'kInPlace != 0 ? i : places[i]',
      'i',
      { cases: /^embedding_backward (301 of 5003x71|40 of 70001x1|1300 of 600x3)$/ },
    ],
    [
      'counts are not cleared',
      'if (index < kDigits) atomic_store_explicit(&room[index], 0u, memory_order_relaxed);',
      '',
    ],
    [
      'a simdgroup barrier is missing',
      '  simdgroup_barrier(mem_flags::mem_threadgroup);',
      '',
      { cases: /^embedding_backward 301 of 5003x71$|^embedding_backward 65 of 11x3$/, races: true },
    ],
  ),
  // ---- Cross-entropy and sampling.
  'metal/cross_entropy.metal': alike(
    {
      cases:
        /^cross_entropy(_backward)? (3x[235]|5x257|2x1003|1100x65|3x40009|up to 1e4|.*far above.*|all near 1e4)/,
    },
    [
      'sums are not scaled',
      'mass.sum * exp(mass.top - top), 0, 0, 0)',
      'mass.sum, 0, 0, 0)',
      { cases: /^cross_entropy (2x1003|3x40009)$/ },
    ],
    [
      'what is behind the end counts',
      'sum += Within(exp(x[j] - top), i, n);',
      'sum += exp(x[j] - top) + select(float4(0), float4(1), uint4(i, i + 1, i + 2, i + 3) >= uint4(n));',
    ],
    [
      'what is behind the end is 0',
      'n, -FLT_MAX);\n      most',
      'n, 0);\n      most',
      { cases: /^cross_entropy all near -1e4|^cross_entropy all near 1e4/, work: 1e6 },
    ],
    ['groups are not scaled', 'mass.sum * exp(mass.top - top), room', 'mass.sum, room'],
    ['the sum of losses', 'Divide(sum, PairOf(arguments.rows))', 'sum'],
    ['the target’s gradient', 'gradient - 1, uint4', 'gradient, uint4'],
    ['the mean of the gradient', '*dloss / float(arguments.rows)', '*dloss'],
    [
      'partial sums are overwritten',
      'partial[group] = float2',
      'partial[0] = float2',
      { cases: /^cross_entropy (1100x65|131107x2)$/ },
    ],
  ),
  'metal/sample.metal': alike(
    { cases: /^sample / },
    [
      'a zero below another',
      'bits == magnitude || magnitude == 0 ?',
      'bits == magnitude ?',
      { cases: /^sample zeros/ },
    ],
    [
      'the last of the largest',
      'GroupMin(most == order ? first : 0xFFFFFFFFu',
      'GroupMax(most == order ? first : 0u',
      { cases: /^sample ties, greedy/ },
    ],
    [
      'the last of a thread’s largest',
      'if (order > most) most',
      'if (order >= most) most',
      { cases: /^sample ties of a large vocabulary/ },
    ],
    ['a NaN is no NaN', 'if (magnitude > 0x7F800000u) return kNan;', '', { cases: /^sample refuses a NaN/ }],
    [
      '−Infinity will do',
      'if (order != kNan && order != kMinusInfinity)',
      'if (order != kNan)',
      { cases: /^sample refuses all/ },
    ],
    [
      'the temperature may be anything',
      'if (!IsUpTo(FLT_MAX, *temperature))',
      'if (false)',
      { cases: /^sample refuses.*temperature/ },
    ],
    ['top_p may be 0', ' || IsZero(*top_p)) return', ') return', { cases: /^sample refuses top_p/ }],
    [
      'the temperature multiplies',
      'WeightOf(Divide(x, Pair(temperature)))',
      'WeightOf(Multiply(x, Pair(temperature)))',
      { cases: /^sample (temperature|.*hot|.*cold)/ },
    ],
    [
      'no top k',
      'if (*top_k != 0 && uint(*top_k) < n) {',
      'if (false) {',
      { cases: /^sample (top|ties, top)/ },
    ],
    [
      'a digit too few',
      'if (!IsBelow(those, goal)) break;',
      'if (IsBelow(goal, those)) break;',
      { cases: /^sample (top|ties, top|all equal)/ },
    ],
    ['no min_p', 'choices.least = min_p;', '', { cases: /^sample .*min p/ }],
    ['no top_p', 'choices.threshold = max(choices.threshold, least);', '', { cases: /^sample .*top p/ }],
    [
      'the total of before',
      'if (has_top_p || min_p.high > 0) total',
      'if (false) total',
      { cases: /^sample .*(top|min) p/ },
    ],
    ['another word', '.Word(0) >> 8', '.Word(1) >> 8'],
    ['all rows draw alike', 'rng + 3 * row', 'rng'],
    [
      'the first simdgroup draws',
      'drawing = i;',
      'drawing = 0;',
      { cases: /^sample (5x6[345]|temperature|a large|.*large)/ },
    ],
    [
      'sums run from 0',
      'upto = Add(sum, upto);',
      '',
      { cases: /^sample (5x65|.*large|all equal|temperature 100)/, work: 1e8 },
    ],
    [
      'an Infinity is drawn from',
      'if (*temperature > 0 && !is_infinite) {',
      'if (*temperature > 0) {',
      { cases: /^sample Infinity/ },
    ],
    [
      'the chunks’ first total',
      'totals[row * arguments.chunks + i]',
      'totals[row * arguments.chunks]',
      { cases: /^sample .*large/, work: 1e9 },
    ],
    [
      'no barrier before digits are added',
      '    threadgroup_barrier(mem_flags::mem_threadgroup);\n    if (at.Index() < kDigits) {',
      '    if (at.Index() < kDigits) {',
      { cases: /^sample (top 5 of 31|top p 0.5)$/ },
    ],
    [
      'no barrier before a digit is chosen',
      '    threadgroup_barrier(mem_flags::mem_threadgroup);\n    uint digit',
      '    uint digit',
      { cases: /^sample (top 5 of 31|top p 0.5)$/ },
    ],
  ),
  'metal/double_float.h': alike(
    { cases: /^sample (5x\d+|5x\d+ greedy|temperature.*)$/ },
    [
      'the log without its second part',
      'Multiply(Ln2Low(), float(n))), float(n)',
      'Multiply(Ln2Low(), 0.0f)), float(n)',
    ],
    ['e^x with half of ln 2', 'Negated(Multiply(Ln2Low(), n))', 'Pair(0)'],
    [
      'a sum of pairs without low parts',
      'value = AddAny(value, Pair(simd_shuffle_xor(value.high, offset), simd_shuffle_xor(value.low, offset)));',
      'value = Pair(simd_sum(value.high), 0.0f); break;',
    ],
    [
      'a root without its rest',
      'root + (fma(-root, root, a.high) + a.low) / (2 * root)',
      'root + root',
      { cases: /^(adamw|global_norm|clip_scale) / },
    ],
  ),
  'metal/attention.h': alike(
    { cases: /^attention (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|1x11x2x65|2x25x6 on 2x5)$/ },
    ['rows past the last', 'if (row < rows) value = ', 'value = '],
    ['channels past the last', 'quad * kQuad, width);', 'quad * kQuad, Across());'],
    ['the mask begins with a block', '(uint(first) + query * stride) % 4 + key', 'key'],
    ['masks of one block only', 'dropout.Kept(begin / 4 + block)', 'dropout.Kept(begin / 4)'],
    ['the last block of a mask is missing', '4 * block < uint(begin % 4) + kKeys', '4 * block < kKeys'],
    ['lse of base 2', 'top * kLn2 + log(sum)', 'top + log(sum)'],
    ['rows past the last are written', 'i < kColumns && Row() < rows', 'i < kColumns'],
    ['scores of half the channels', 'if (kSplits > 1) values[i] += from[kRows * kScratchRow + i];', ''],
    ['the same half of the channels twice', 'return split * 8 * Count();', 'return 0;'],
    [
      'the last channels are left out',
      ': (kHeadSize + 8 * kSplits - 1) / (8 * kSplits)',
      ': kHeadSize / (8 * kSplits)',
    ],
    [
      'the first rows for every simdgroup',
      'from.From((first_row + row) * stride)',
      'from.From(row * stride)',
    ],
    ['keys are not transposed', 'kRow, ulong2(0, 0), true);', 'kRow, ulong2(0, 0), false);'],
    [
      'sums stay as they are',
      'for (uint i = 0; i < kColumns; ++i) Own()[i] *= factor;',
      '',
      { cases: /^attention scores that grow, D (5|80)$/ },
    ],
    [
      'scores are read before they are stored',
      '    Barrier();\n    if (busy) {\n      threadgroup const float* from',
      '    if (busy) {\n      threadgroup const float* from',
      { cases: /^attention (1x11x2x65|1x3x1x7|1x5x1x7)$/, races: true },
    ],
    [
      'weights take the place of scores too early',
      '    Barrier();\n  }\n\n  // Through',
      '  }\n\n  // Through',
      { cases: /^attention 1x11x2x65$/, races: true, work: 1e6 },
    ],
    [
      'weights are read before they are stored',
      'Own()[i] = weights[i];\n    simdgroup_barrier(mem_flags::mem_threadgroup);',
      'Own()[i] = weights[i];',
      { cases: /^attention (1x9x1x7|1x8x1x7)$/, races: true },
    ],
    [
      'scratch is used again too early',
      '    }\n    simdgroup_barrier(mem_flags::mem_threadgroup);\n  }\n};',
      '    }\n  }\n};',
      { cases: /^attention_backward 1x(8|9)x1x7$/, races: true },
    ],
  ),
  'metal/attention.metal': alike(
    {
      cases:
        /^attention (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|2x25x6 on 2x5|2x9x3x8 at 1 of 39|3x9x4x7 at 11,0,32 of 41 in 4,1,3)$/,
    },
    ['flops are not counted', ', 1, FlopsOf(a, 2)};', '};', { gpu: true, healthy: true }],
    ['a key too many', '<= last ? exp2', '<= last + 1 ? exp2'],
    ['a key too few', '<= last ? exp2', '< last ? exp2'],
    ['a stale maximum', 'shift = top;', ''],
    ['the total stays as it is', 'total *= by;', '', { cases: /^attention scores that grow, D (5|80)$/ }],
    [
      'sums are not scaled down',
      'if (key > 0) tile.Scale(sums, by);',
      '',
      { cases: /^attention scores that grow, D (5|80)$/ },
    ],
    [
      'a maximum that is not seen',
      'if (key + tile.Column(i) <= last) top',
      'if (key + tile.Column(i) <= last + 1) top',
      { cases: /^attention( bf16)? (one score far above|1e4 in the last key), T (29|70)$/ },
    ],
    [
      'no barrier between tiles',
      'threadgroup_barrier(mem_flags::mem_threadgroup);  // the next tile',
      '// the next tile',
      { cases: /^attention 1x33x1x7$/, races: true },
    ],
    [
      'no barrier before a tile is used',
      'threadgroup_barrier(mem_flags::mem_threadgroup);\n      if (busy) tile.Multiply',
      'if (busy) tile.Multiply',
      { cases: /^attention 1x9x1x7$/, races: true },
    ],
    [
      'heads share keys in another order',
      'head / a.group * kHeadSize',
      'head % (a.heads / a.group) * kHeadSize',
    ],
    ['dropout forgets its scale', '? weight * a.kept_scale', '? weight'],
    [
      'a mask for every sequence',
      '(number * ulong(a.queries) + query) * a.keys + key',
      '(number % a.heads * ulong(a.queries) + query) * a.keys + key',
    ],
    [
      'a simdgroup is done too early',
      'key < begin + query + tile.first_row + T::kRows',
      'key < begin + query + tile.first_row',
      { cases: /^attention (1x65x1x7|2x25x6 on 2x5)$/ },
    ],
    ['the start is ignored', 'kIsCached != 0 ? uint(start[batch]) : 0u', '0u'],
    ['the slot is ignored', 'kIsCached != 0 ? uint(slot[batch]) : batch', 'batch'],
    [
      'no barrier between parts of a head',
      'if (c > 0) threadgroup_barrier(mem_flags::mem_threadgroup);',
      '',
      { cases: /^attention 1x37x1x130 dropout/, races: true, work: 1e6 },
    ],
    [
      'a part in the place of another',
      'From(own + part * T::Across())',
      'From(own)',
      { cases: /^attention 1x37x1x130 dropout/ },
    ],
    [
      'queries of the first part for all',
      'queries.From(channel)',
      'queries',
      { cases: /^attention 1x37x1x130 dropout/ },
    ],
    [
      'slots are not checked',
      'return JudgeRange(kAttentionSlot, Complaint::kSlot, i, slot[i], 0, last_slot);',
      'return complaint;',
      { cases: /^attention refuses/ },
    ],
    [
      'of a start and its slot the slot',
      'if (complaint.kind != Complaint::kNone) return complaint;',
      '',
      { cases: /^attention refuses/ },
    ],
    [
      'the last start is not allowed',
      'static_cast<int32_t>(a.keys - a.queries)',
      'static_cast<int32_t>(a.keys - a.queries - 1)',
      { cases: /^attention 1x1x1x7 at 0 of [1-3]$|^attention 1x1x2x7 at 1 of 2$/ },
    ],
    [
      'places are not checked',
      'if (p.cached) {\n    const Outcome',
      'if (false) {\n    const Outcome',
      { cases: /^attention refuses/ },
    ],
  ),
  'metal/attention_few.metal': alike(
    {
      cases:
        /^attention (1x3x1x7|2x3x2 on 1x5|2x3x2x5 at 5 of 19 dropout 0.4|1x1x1x9 at 2.. of 300|1x3x1x9 at 2.. of 300|3x3x4 on 2x7 at .*|1x3x2x32)$/,
    },
    ['a key too few', 'seen[r] = begin + t + 1;', 'seen[r] = begin + t;'],
    [
      'keys past the last',
      'if (key >= end) continue;',
      '',
      { cases: /^attention (NaN|Infinity) behind 3 queries|^attention (1x3x1x7|1x3x2x32)$/ },
    ],
    ['keys that a row does not see', 'stop = min(end, seen[r])', 'stop = end'],
    [
      'a sum is not scaled down',
      'sums[r] *= by;',
      '',
      { cases: /^attention 2x1x4 on 2x(60|128) at/, work: 1e7 },
    ],
    [
      'a total is not scaled down',
      'totals[r] *= by;',
      '',
      { cases: /^attention 2x1x4 on 2x(60|128) at/, work: 1e7 },
    ],
    [
      'the last split is too long',
      'min(first + arguments.split_keys, most)',
      'most',
      { cases: /^attention 1x1x1x9 at 2.. of 300$/ },
    ],
    ['one team alone', 'for (uint g = 0; g < kTeams; ++g) {', 'for (uint g = 0; g < 1; ++g) {'],
    [
      'one split alone',
      'for (uint i = 0; i < arguments.splits; ++i) {',
      'for (uint i = 0; i < 1; ++i) {',
      { cases: /^attention 1x1x1x9 at 2.. of 300$/ },
    ],
    [
      'splits without their maximum',
      'exp2(from[i * size + kHeadSize + 1] - top)',
      '1.0f',
      { cases: /^attention 1x1x1x9 at 2.. of 300$/ },
    ],
    ['rows share a mask', 'Keeps(index[r] * ulong(a.keys) + key)', 'Keeps(index[0] * ulong(a.keys) + key)'],
    [
      'the first queries for every batch of rows',
      'const uint mine = min(row + r, count - 1);',
      'const uint mine = min(r, count - 1);',
      { cases: /^attention (2x3x4 on 2x7|3x3x4 on 2x7 at .*|2x2x4 on 2x32 at .*)$/ },
    ],
    [
      'no barrier before the teams are added up',
      '  threadgroup_barrier(mem_flags::mem_threadgroup);\n  for (uint i = thread_index',
      '  for (uint i = thread_index',
      { cases: /^attention 1x3x1x7$/, races: true },
    ],
  ),
  'metal/attention_backward.metal': alike(
    {
      cases:
        /^attention_backward (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|1x11x2x65|2x25x6 on 2x5|1x65x1x7)$/,
    },
    ['no delta', '(slopes[i] * factor - of.y)', '(slopes[i] * factor)'],
    ['no scale', '- of.y) * a.scale', '- of.y)'],
    [
      'a query does not see its own key',
      'key + tile_key <= query + tile_query',
      'key + tile_key < query + tile_query',
    ],
    [
      'a query sees the next key',
      'key + tile_key <= query + tile_query',
      'key + tile_key <= query + tile_query + 1',
    ],
    [
      'statistics past the last',
      'query + i < a.queries ? float2(lse[one] * kLog2E, deltas[one]) : float2(0)',
      'float2(lse[one] * kLog2E, deltas[one])',
      { cases: /^attention_backward 1x33x1x7$/ },
    ],
    ['the mask is not applied to values', 'visible ? p * factor : 0.0f', 'visible ? p : 0.0f'],
    ['the mask is not applied to slopes', 'slopes[i] * factor - of.y', 'slopes[i] - of.y'],
    ['one head of those that share', 'h < (kOfKeys ? a.group : 1)', 'h < 1'],
    ['statistics of the first tile', 'if (kOfKeys || met == 0)', 'if (met == begin)'],
    ['lse of base e', 'lse[one] * kLog2E', 'lse[one]'],
    [
      'simdgroups of keys are done too early',
      'own + tile.first_row < met + columns',
      'own + tile.first_row + T::kRows < met + columns',
    ],
    [
      'simdgroups of queries are done too early',
      'met < own + tile.first_row + T::kRows',
      'met < own + tile.first_row',
    ],
    [
      'deltas of another head',
      '(batch * a.heads + head) * a.queries + t] = sum',
      '(batch * a.heads) * a.queries + t] = sum',
    ],
    [
      'no barrier between tiles',
      'threadgroup_barrier(mem_flags::mem_threadgroup);  // the next tile',
      '// the next tile',
      { cases: /^attention_backward 1x33x1x7$/, races: true },
    ],
    [
      'no barrier before a tile is used',
      'threadgroup_barrier(mem_flags::mem_threadgroup);\n        if (busy) tile.Multiply(a_rows',
      'if (busy) tile.Multiply(a_rows',
      { cases: /^attention_backward 1x9x1x7$/, races: true },
    ],
    [
      'no barrier between parts of a head',
      'if (c > 0) threadgroup_barrier(mem_flags::mem_threadgroup);',
      '',
      { cases: /^attention_backward 1x37x1x130 dropout/, races: true, work: 1e6 },
    ],
    [
      'the last part in the place of the first',
      'if (part + 1 < T::Parts()) {',
      'if (false) {',
      { cases: /^attention_backward 1x37x1x130 dropout/ },
    ],
  ),
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

const build = resolve(argument('--build', join(root, 'build', 'metal')))
const hostPart = "#else  // the host's part\n"

function settingOf({ races }, made) {
  return {
    device: 'metal',
    schedules: races ? ['shuffle'] : ['ascending', 'descending', 'shuffle'],
    env: { ...(races ? { SIMT_RACES: '1' } : {}), ...(made.edit ? { SIMT_EDIT: made.edit } : {}) },
    pathOf: (program) => made[program] ?? join(build, 'Release', program),
  }
}

/** Whether a change is to what Metal compiles, which the emulated one does at run time and can be told to change. */
function isShader(file, from) {
  const text = readFileSync(join(root, 'native', file), 'utf8')
  const host = text.indexOf(hostPart)
  if (/\.(mm|cc)$/.test(file)) return false
  return host < 0 || text.indexOf(from) < host
}

async function make({ file, from, to, how }, copy) {
  if (isShader(file, from)) {
    const edit = join(copy, 'edit')
    writeFileSync(edit, `native/${file}\0${from}\0${to}`)
    return { edit }
  }
  const files = file.endsWith('.h') ? sourcesWith(file, 'metal', '.metal') : [file]
  const made = {}
  for (const program of programsOf(how)) made[program] = await rebuild(build, program, files, copy)
  return made
}

huntOnGpu(mutants, { make, settingOf })
