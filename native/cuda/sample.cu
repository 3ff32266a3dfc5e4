// sample: draws a token for each row of logits. As on the CPU, all arithmetic is in double and
// without fused multiply-adds (a compiler option in CMakeLists.txt), so that both draw the same
// tokens.
//
// There are four kernels: the largest logit of each row; the checks of the options and of the rows;
// the weights, with many blocks per row; the draw, with one block per row.
#include <cstring>

#include "cuda/kernels.h"
#include "ops/math.h"
#include "ops/philox.h"
#include "ops/sample.h"
#include "ops/validate.h"

namespace nano::cuda {
namespace {

constexpr int kThreads = 512, kWarps = kThreads / kWarp;
constexpr int kWeighThreads = 256;
constexpr int64_t kChunk = 2048;  // logits per block of WeighKernel

struct Options {
  const float* temperature;
  const int32_t* top_k;
  const double *top_p, *min_p;
};

// The parts of the scratch.
struct Room {
  uint64_t* largest;  // of each row: the largest key, see KeyOf
  double* totals;     // Σ exp(logit − largest) of each chunk
  double* weights;    // exp((logit − largest) / temperature)
};

// Maps floats to integers with the same order. −0 and 0 are equal.
__device__ __forceinline__ uint32_t Ordered(float x) {
  const uint32_t bits = __float_as_uint(x == 0 ? 0.0f : x);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// The upper half is the order of the logit, the lower half 0xFFFFFFFF − its index. A larger logit
// has a larger key; of equal logits, the first has the largest key. The key of NaN is the largest
// of all.
constexpr uint64_t kNan = ~uint64_t{0};
__device__ __forceinline__ uint64_t KeyOf(float x, int64_t i) {
  return x != x ? kNan : static_cast<uint64_t>(Ordered(x)) << 32 | (0xFFFFFFFFu - static_cast<uint32_t>(i));
}
__device__ __forceinline__ int64_t IndexOf(uint64_t key) { return 0xFFFFFFFFu - static_cast<uint32_t>(key); }
// Whether the row has nothing to choose from: the largest key is that of NaN or of −Infinity.
__device__ __forceinline__ bool IsNothing(uint64_t key) { return key == kNan || key >> 32 == Ordered(-INFINITY); }

__global__ void __launch_bounds__(kThreads)
    LargestKernel(const Control* control, const float* logits, int64_t rows, int64_t n, uint64_t* largest) {
  __shared__ uint64_t room[kWarps];
  if (Stopped(control)) return;
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    uint64_t best = 0;
    for (int64_t i = threadIdx.x; i < n; i += kThreads) best = Larger()(best, KeyOf(logits[row * n + i], i));
    best = BlockReduce<kThreads>(best, room, Larger());
    if (threadIdx.x == 0) largest[row] = best;
  }
}

// The first error in the options, if any.
__device__ __forceinline__ InputError CheckOptions(const Options& options) {
  const float temperature = *options.temperature;
  const double top_p = *options.top_p, min_p = *options.min_p;
  if (!(temperature >= 0 && temperature < INFINITY))
    return BadNumber(kSampleTemperature, InputError::kTemperature, temperature);
  if (*options.top_k < 0) return ValidateRange(kSampleTopK, InputError::kTopK, -1, *options.top_k, 0, 0x7FFFFFFF);
  if (!(top_p > 0 && top_p <= 1)) return BadNumber(kSampleTopP, InputError::kTopP, static_cast<float>(top_p));
  if (!(min_p >= 0 && min_p <= 1)) return BadNumber(kSampleMinP, InputError::kMinP, static_cast<float>(min_p));
  return {};
}

__global__ void __launch_bounds__(kThreads)
    CheckKernel(Control* control, uint32_t op, Options options, const uint64_t* largest, int64_t rows) {
  __shared__ int64_t room[kWarps];
  if (Stopped(control)) return;
  int64_t first = rows;
  for (int64_t row = threadIdx.x; row < rows && first == rows; row += kThreads) {
    if (IsNothing(largest[row])) first = row;
  }
  first = BlockReduce<kThreads>(first, room, Smaller());
  if (threadIdx.x != 0) return;
  InputError error = CheckOptions(options);
  if (error.kind == InputError::kNone && first < rows) error = NothingToSample(kSampleLogits, first);
  if (error.kind != InputError::kNone) Complain(control, op, error);
}

__global__ void __launch_bounds__(kWeighThreads)
    WeighKernel(const Control* control, const float* logits, Options options, int64_t rows, int64_t n, int64_t chunks,
                Room room) {
  __shared__ double sums[kWeighThreads / kWarp];
  if (Stopped(control)) return;
  const double temperature = *options.temperature;
  for (int64_t place = blockIdx.x; place < rows * chunks; place += gridDim.x) {
    const int64_t row = place / chunks, begin = place % chunks * kChunk;
    const int64_t end = begin + kChunk < n ? begin + kChunk : n;
    const float* x = logits + row * n;
    const double largest = x[IndexOf(room.largest[row])];
    double total = 0;
    for (int64_t i = begin + threadIdx.x; i < end; i += kWeighThreads) {
      const double below = static_cast<double>(x[i]) - largest, e = Exp(below);
      total += e;
      if (temperature > 0) room.weights[row * n + i] = temperature == 1 ? e : Exp(below / temperature);
    }
    total = BlockReduce<kWeighThreads>(total, sums, Add());
    if (threadIdx.x == 0) room.totals[place] = total;
  }
}

// The choices of a row: logits whose order is at least `threshold` and whose weight is at least
// `least`.
struct Choices {
  const float* logits;
  const double* weights;
  int64_t n;
  uint32_t threshold;
  double least;

  __device__ __forceinline__ double Weight(int64_t i) const {
    const double weight = weights[i];
    return Ordered(logits[i]) < threshold || weight < least ? 0 : weight;
  }
};

// The order of the smallest logit among the largest that have amounts of at least `goal` in total.
// It is found four bits at a time, from the highest. `above` is the total amount of the logits that
// are larger than all that match the bits so far. amount(i) is the amount of logit i.
template <class T, class Amount>
__device__ __forceinline__ uint32_t Threshold(const float* logits, int64_t n, T goal, T (*room)[16],
                                              const Amount& amount) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  uint32_t prefix = 0, known = 0;
  T above = 0;
  for (int shift = 28; shift >= 0; shift -= 4) {
    T sums[16] = {};
    for (int64_t i = threadIdx.x; i < n; i += kThreads) {
      const uint32_t order = Ordered(logits[i]);
      if ((order & known) != prefix) continue;
      const T mine = amount(i);
#pragma unroll
      for (uint32_t digit = 0; digit < 16; ++digit) sums[digit] += (order >> shift & 15) == digit ? mine : 0;
    }
#pragma unroll
    for (int digit = 0; digit < 16; ++digit) {
      const T sum = WarpReduce(sums[digit], Add());
      if (lane == 0) room[warp][digit] = sum;
    }
    __syncthreads();
    if (threadIdx.x < 16) {
      T sum = room[0][threadIdx.x];
      for (int i = 1; i < kWarps; ++i) sum += room[i][threadIdx.x];
      room[kWarps][threadIdx.x] = sum;
    }
    __syncthreads();
    uint32_t digit = 15;
    for (; digit > 0 && above + room[kWarps][digit] < goal; --digit) above += room[kWarps][digit];
    prefix |= digit << shift;
    known |= 15u << shift;
    __syncthreads();
  }
  return prefix;
}

// The size of the piece of the row that each warp processes.
__device__ __forceinline__ int64_t PieceOf(int64_t n) { return DivideUp(DivideUp(n, kWarps), kWarp) * kWarp; }

// Returns the sum of all weights; `sums` gets the sum of each warp's piece.
__device__ __forceinline__ double Total(const Choices& choices, double* sums) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t piece = PieceOf(choices.n), begin = warp * piece;
  const int64_t end = begin + piece < choices.n ? begin + piece : choices.n;
  double sum = 0;
  for (int64_t i = begin + lane; i < end; i += kWarp) sum += choices.Weight(i);
  sum = WarpReduce(sum, Add());
  __syncthreads();
  if (lane == 0) sums[warp] = sum;
  __syncthreads();
  double total = 0;
  for (int i = 0; i < kWarps; ++i) total += sums[i];
  return total;
}

// Called by a whole warp for its piece. Returns the first choice at which the running sum, which
// starts at `sum`, exceeds the goal, or else the last choice of the piece.
__device__ __forceinline__ int64_t Walk(const Choices& choices, int64_t begin, double sum, double goal) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t end = begin + PieceOf(choices.n) < choices.n ? begin + PieceOf(choices.n) : choices.n;
  int64_t last = begin;
  for (int64_t start = begin; start < end; start += kWarp) {
    const double weight = start + lane < end ? choices.Weight(start + lane) : 0;
    double upto = weight;
    for (int offset = 1; offset < kWarp; offset *= 2) {
      const double before = __shfl_up_sync(~0u, upto, offset);
      if (lane >= offset) upto += before;
    }
    const unsigned over = __ballot_sync(~0u, weight > 0 && sum + upto > goal), some = __ballot_sync(~0u, weight > 0);
    if (over != 0) return start + __ffs(static_cast<int>(over)) - 1;
    if (some != 0) last = start + kWarp - 1 - __clz(static_cast<int>(some));
    sum += __shfl_sync(~0u, upto, kWarp - 1);
  }
  return last;
}

struct DrawRoom {
  double masses[kWarps + 1][16];
  int32_t counts[kWarps + 1][16];
  double sums[kWarps];
};

// Restricts the choices to those that top_k, top_p and min_p allow. Returns the sum of their
// weights, of which the largest is 1; room.sums gets the sum of each warp's piece.
__device__ __forceinline__ double Choose(const Options& options, Choices& choices, DrawRoom& room) {
  const int32_t top_k = *options.top_k;
  if (top_k != 0 && top_k < choices.n) {
    choices.threshold = Threshold(choices.logits, choices.n, top_k, room.counts, [](int64_t) { return 1; });
  }
  double total = Total(choices, room.sums);
  const double top_p = *options.top_p, min_p = *options.min_p;
  if (top_p < 1) {
    const uint32_t least =
        Threshold(choices.logits, choices.n, top_p * total, room.masses, [&](int64_t i) { return choices.Weight(i); });
    if (least > choices.threshold) choices.threshold = least;
  }
  choices.least = min_p;
  if (top_p < 1 || min_p > 0) total = Total(choices, room.sums);
  return total;
}

__global__ void __launch_bounds__(kThreads)
    DrawKernel(const Control* control, const float* logits, Options options, const uint32_t* rng, uint32_t site,
               int64_t rows, int64_t n, int64_t chunks, Room room, int32_t* tokens, float* log_probabilities) {
  __shared__ DrawRoom shared;
  if (Stopped(control)) return;
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* x = logits + row * n;
    int64_t token = IndexOf(room.largest[row]);
    const float largest = x[token];
    int drawing = 0;  // the warp that draws the token
    if (*options.temperature > 0 && largest < INFINITY) {
      Choices choices = {x, room.weights + row * n, n, 0, 0};
      const double total = Choose(options, choices, shared);
      const double goal = Uniform(RandomStream(rng + 3 * row, site).Word(0)) * total;
      double before = 0, sum = 0;
      for (int i = 0; i < kWarps && sum <= goal; ++i) {
        if (shared.sums[i] == 0) continue;
        drawing = i;
        before = sum;
        sum += shared.sums[i];
      }
      if (warp == drawing) token = Walk(choices, drawing * PieceOf(n), before, goal);
    }
    if (warp == drawing) {
      double total = 0;
      for (int64_t i = lane; i < chunks; i += kWarp) total += room.totals[row * chunks + i];
      total = WarpReduce(total, Add());
      if (lane == 0) {
        const double below = static_cast<double>(x[token]) - static_cast<double>(largest);
        tokens[row] = static_cast<int32_t>(token);
        log_probabilities[row] = largest == INFINITY ? 0 : static_cast<float>(below - Log(total));
      }
    }
    __syncthreads();
  }
}

int64_t BlocksFor(int64_t count) {
  constexpr int64_t kMost = int64_t{1} << 20;
  return count < kMost ? count : kMost;
}

}  // namespace

size_t ScratchSample(const OpView& op, const Params&) {
  const int64_t elements = op.inputs[0].elements(), n = op.inputs[0].shape.last(), rows = elements / n;
  return static_cast<size_t>(elements + rows * DivideUp(n, kChunk)) * sizeof(double) +
         static_cast<size_t>(rows) * sizeof(uint64_t);
}

Outcome RunSample(const Call& call, Message& message) {
  const float* logits = Input<float>(call, 0);
  const int64_t rows = OutputShape(call, 0).elements(), n = InputShape(call, 0).last(), chunks = DivideUp(n, kChunk);
  const Options options = {Input<float>(call, 1), Input<int32_t>(call, 2), Input<double>(call, 3),
                           Input<double>(call, 4)};
  Room room;
  room.largest = static_cast<uint64_t*>(call.scratch);
  room.totals = reinterpret_cast<double*>(room.largest + rows);
  room.weights = room.totals + rows * chunks;
  Outcome outcome =
      Launch(call, message, {BlocksFor(rows), kThreads}, LargestKernel, call.control, logits, rows, n, room.largest);
  if (outcome != Outcome::kOk) return outcome;
  outcome = Launch(call, message, {1, kThreads}, CheckKernel, call.control, call.op, options, room.largest, rows);
  if (outcome != Outcome::kOk) return outcome;
  outcome = Launch(call, message, {BlocksFor(rows * chunks), kWeighThreads}, WeighKernel, call.control, logits, options,
                   rows, n, chunks, room);
  if (outcome != Outcome::kOk) return outcome;
  return Launch(call, message, {BlocksFor(rows), kThreads}, DrawKernel, call.control, logits, options,
                Input<uint32_t>(call, 5), call.params->as<SampleParams>().site, rows, n, chunks, room,
                Output<int32_t>(call, 0), Output<float>(call, 1));
}

}  // namespace nano::cuda
