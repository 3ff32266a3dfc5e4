// count_tokens: counts how often each token has occurred in each slot.
#include "metal/validate.h"

struct CountTokensArguments {
  uint32_t slots, vocabulary, batch, length, op;
};

#if defined(__METAL_VERSION__)

// Checks the slot of each sequence, then its tokens.
struct ValidateTokens {
  device const int *token, *slot;
  uint slots, vocabulary, length;

  InputError operator()(uint i) const {
    const uint b = i / (length + 1), t = i - b * (length + 1);
    if (t == 0) return ValidateRange(kCountTokensSlot, InputError::kSlot, b, slot[b], 0, long(slots) - 1);
    const uint at = b * length + t - 1;
    return ValidateRange(kCountTokensTokens, InputError::kToken, at, token[at], 0, long(vocabulary) - 1);
  }
};

[[max_total_threads_per_threadgroup(1024)]] kernel void examine_tokens(
    device Control& control [[buffer(0)]], constant CountTokensArguments& arguments [[buffer(1)]],
    device const int* token [[buffer(2)]], device const int* slot [[buffer(3)]],
    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
    uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kSimd];
  const ValidateTokens validate = {token, slot, arguments.slots, arguments.vocabulary, arguments.length};
  ValidateEach(control, arguments.op, arguments.batch * (arguments.length + 1), validate, room,
               Threads{lane, simdgroup, simdgroups});
}

// Each count grows by 1, up to the largest i32. The result does not depend on the order of the
// threads.
kernel void count_tokens(device const Control& control [[buffer(0)]],
                         constant CountTokensArguments& arguments [[buffer(1)]],
                         device atomic_int* counts [[buffer(2)]], device const int* token [[buffer(3)]],
                         device const int* slot [[buffer(4)]], uint i [[thread_position_in_grid]]) {
  if (Stopped(control) || i >= arguments.batch * arguments.length) return;
  device atomic_int* count = counts + uint(slot[i / arguments.length]) * arguments.vocabulary + uint(token[i]);
  int found = atomic_load_explicit(count, memory_order_relaxed);
  while (found != 0x7FFFFFFF &&
         !atomic_compare_exchange_weak_explicit(count, &found, found + 1, memory_order_relaxed, memory_order_relaxed)) {
  }
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunCountTokens(const Call& call, Message& message) {
  const Shape &counts = InputShape(call, 0), &tokens = InputShape(call, 1);
  const CountTokensArguments arguments = {static_cast<uint32_t>(counts[0]), static_cast<uint32_t>(counts[1]),
                                          static_cast<uint32_t>(tokens[0]), static_cast<uint32_t>(tokens[1]), call.op};
  const Outcome outcome = Launch(call, message, kExamineGrid, {"count_tokens", "examine_tokens"}, {}, arguments,
                                 {call.inputs[1], call.inputs[2]});
  if (outcome != Outcome::kOk) return outcome;
  return Launch(call, message, GridOfElements(tokens.elements()), {"count_tokens", "count_tokens"}, {}, arguments,
                {call.outputs[0], call.inputs[1], call.inputs[2]});
}

}  // namespace nano::metal
#endif
