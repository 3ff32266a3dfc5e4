// gather_batch: windows of the corpus, and the same windows one token later.
#include "metal/validate.h"

struct GatherBatchArguments {
  int64_t last;  // last offset of a window
  uint32_t n, batch, length, op;
};

#if defined(__METAL_VERSION__)

struct ValidateOffset {
  device const uint* offsets;
  long last;

  InputError operator()(uint b) const {
    return ValidateRange(kGatherBatchOffsets, InputError::kOffset, b, offsets[b], 0, last);
  }
};

[[max_total_threads_per_threadgroup(1024)]] kernel void examine_offsets(
    device Control& control [[buffer(0)]], constant GatherBatchArguments& arguments [[buffer(1)]],
    device const uint* offsets [[buffer(2)]], uint lane [[thread_index_in_simdgroup]],
    uint simdgroup [[simdgroup_index_in_threadgroup]], uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kSimd];
  const ValidateOffset validate = {offsets, arguments.last};
  ValidateEach(control, arguments.op, arguments.batch, validate, room, Threads{lane, simdgroup, simdgroups});
}

template <class T>
kernel void gather_batch(device const Control& control [[buffer(0)]],
                         constant GatherBatchArguments& arguments [[buffer(1)]], device int* tokens [[buffer(2)]],
                         device int* targets [[buffer(3)]], device const T* corpus [[buffer(4)]],
                         device const uint* offsets [[buffer(5)]], uint i [[thread_position_in_grid]]) {
  if (Stopped(control) || i >= arguments.n) return;
  const uint b = i / arguments.length, t = i - b * arguments.length;
  device const T* window = corpus + offsets[b] + t;
  tokens[i] = int(window[0]);
  targets[i] = int(window[1]);
}
template [[host_name("gather_batch_u8")]] [[kernel]] decltype(gather_batch<uchar>) gather_batch<uchar>;
template [[host_name("gather_batch_u16")]] [[kernel]] decltype(gather_batch<ushort>) gather_batch<ushort>;
template [[host_name("gather_batch_u32")]] [[kernel]] decltype(gather_batch<uint>) gather_batch<uint>;

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunGatherBatch(const Call& call, Message& message) {
  const Shape& y = OutputShape(call, 0);
  const GatherBatchArguments arguments = {InputShape(call, 0)[0] - y[1] - 1, static_cast<uint32_t>(y.elements()),
                                          static_cast<uint32_t>(y[0]), static_cast<uint32_t>(y[1]), call.op};
  const Outcome outcome =
      Launch(call, message, kExamineGrid, {"gather_batch", "examine_offsets"}, {}, arguments, {call.inputs[1]});
  if (outcome != Outcome::kOk) return outcome;
  const Dtype dtype = call.inputs[0].spec->dtype;
  const char* const kernel = dtype == Dtype::kU8    ? "gather_batch_u8"
                             : dtype == Dtype::kU16 ? "gather_batch_u16"
                                                    : "gather_batch_u32";
  return Launch(call, message, GridOfElements(y.elements()), {"gather_batch", kernel}, {}, arguments,
                {call.outputs[0], call.outputs[1], call.inputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
