// Kernels with one mistake each. msl_test.mm knows what the report must say. `o` has 64 uints.
#include <metal_stdlib>
using namespace metal;

#define KERNEL(name)                                                                                     \
  kernel void name(device uint* o [[buffer(0)]], uint i [[thread_position_in_grid]],                     \
                   uint t [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],      \
                   uint simdgroup [[simdgroup_index_in_threadgroup]], uint group [[threadgroup_position_in_grid]])

KERNEL(lane_missing) {
  if (lane != 13) o[i] = simd_sum(lane);
}
KERNEL(other_operation) {
  if (lane < 16) {
    o[i] = simd_sum(lane);
  } else {
    o[i] = simd_max(lane);
  }
}
KERNEL(two_barriers) {
  if (t < 32) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
  } else {
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  o[i] = 0;
}
KERNEL(barrier_missed) {
  if (t == 40) return;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  o[i] = 0;
}
KERNEL(past_the_end) { o[4096 + i] = 1; }
KERNEL(past_by_one) { o[i + 1] = 1; }  // the buffer has 66 bytes: this is within the 16-byte slack
KERNEL(before_the_begin) { o[int(i) - 970] = 1; }
KERNEL(misaligned) { *(device uint4*)(o + 1 + i) = uint4(1); }
KERNEL(carried_over) {  // reads what the previous threadgroup left behind
  threadgroup uint s;
  if (group == 0) s = 7;
  o[i] = s;
}
KERNEL(past_threadgroup_memory) {
  threadgroup uint s[1024];
  s[t * 1024 + 1024] = 1;
  o[i] = s[0];
}
KERNEL(just_past_threadgroup_memory) {  // within the 16-byte slack
  threadgroup uint s[33];
  s[t + 1] = 1;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  o[i] = s[1];
}
KERNEL(division_by_zero) { o[i] = 100 / o[i]; }
KERNEL(never_ends) {
  device atomic_uint* flag = (device atomic_uint*)o;
  while (atomic_load_explicit(flag, memory_order_relaxed) != group + 77) {
  }
}
KERNEL(shuffle_by_different_lanes) { o[i] = simd_broadcast(lane, ushort(lane % 2)); }
KERNEL(matrix_at_different_addresses) {
  simdgroup_float8x8 m;
  simdgroup_load(m, (device float*)o + lane % 2, 0);
  simdgroup_store(m, (device float*)o, 0);
}
KERNEL(matrix_of_few_lanes) {
  simdgroup_float8x8 m;
  simdgroup_load(m, (device float*)o, 0);
  simdgroup_store(m, (device float*)o, 0);
}
KERNEL(deep) {
  uint x[1 << 14];
  for (uint k = 0; k < 1 << 14; ++k) x[k] = o[(k + i) % 64];
  for (uint k = 1; k < 1 << 14; ++k) x[k] += x[(k * 7919) % k];
  uint y[1 << 14];
  for (uint k = 0; k < 1 << 14; ++k) y[k] = x[(k * 31 + i) % (1 << 14)];
  o[i] = y[o[i] % (1 << 14)];
}

// Found only by the race detector.
KERNEL(race_between_simdgroups) {
  threadgroup uint s[64];
  s[t] = 0;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  s[t] = 1;
  o[i] = s[t ^ 32];
}
KERNEL(race_in_a_simdgroup) {  // a shuffle does not order memory accesses
  threadgroup uint s[64];
  s[t] = 1;
  uint v = simd_shuffle_xor(0u, 1);
  o[i] = s[t ^ 1] + v;
}
KERNEL(race_between_threadgroups) { o[t] = group; }
KERNEL(race_of_bytes) {
  threadgroup uchar s[64];
  s[t] = 1;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  s[t / 2] = 2;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  o[i] = s[t];
}
KERNEL(barrier_for_other_memory) {
  threadgroup uint s[64];
  s[t] = 1;
  threadgroup_barrier(mem_flags::mem_device);
  o[i] = s[t ^ 32];
}
KERNEL(barrier_for_threadgroup_memory_only) {
  o[t] = t;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  o[t ^ 32] += 1;
}
KERNEL(atomic_and_plain) {
  atomic_fetch_add_explicit((device atomic_uint*)o, 1u, memory_order_relaxed);
  o[0] += 1;
}
KERNEL(matrix_without_a_barrier) {
  threadgroup float s[64];
  s[t] = 1;
  s[t + 32] = 2;
  simdgroup_float8x8 m;
  simdgroup_load(m, s, 8);
  simdgroup_store(m, (device float*)o, 0);
}
KERNEL(threadgroup_memory_that_nobody_wrote) {
  threadgroup uint s[64];
  if (t < 63) s[t] = t;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  o[i] = s[t];
}
