// CUDA's side of the emulated GPU: __shared__ memory, launches, cp.async.
#include "simt.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "hooks.h"

dim3 blockDim, gridDim;
__thread __align__(128) unsigned char dynamic_shared[simt::kMaxDynamicShared + 256];  // the last 256 bytes are a canary

namespace emulate {
const Language language{"simt", "block", "warp", "__syncthreads", "device allocation", ": a missing cudaMemcpy?", true};
std::string DescribeShared(const void* p) {
  auto* c = static_cast<const char*>(p);
  char text[64];
  snprintf(text, sizeof text, "shared memory at offset %td",
           c - (c >= (char*)dynamic_shared ? (char*)dynamic_shared : shared_range.begin));
  return text;
}
}  // namespace emulate

namespace simt {
namespace {

struct Copy {
  void* shared;
  const void* global;
  int group;
};
struct Copies {  // a thread's cp.async copies in flight
  std::vector<Copy> copies;
  int group;
};
Copies in_flight[kMaxThreads];
const Launch* launch;

void FindShared(const void* kernel) {
  if (image_range.has(kernel) && shared_range.has(dynamic_shared)) return;  // (another host thread has its own storage)
  memset(dynamic_shared, kPoison, sizeof dynamic_shared);  // also allocates the storage of a dlopened module
  const Segments segments = SegmentsAround(kernel);
  image_range = segments.image;
  shared_range = segments.tls;  // every __shared__ variable lives there
  if (!shared_range.has(dynamic_shared))
    Fail("simt.cc must be linked, dynamically, into the module that holds the kernels");
}
constexpr size_t kCanary = 256;  // bytes past the dynamic shared memory that must not change
void PoisonShared() {
  char* dynamic = reinterpret_cast<char*>(dynamic_shared);
  memset(shared_range.begin, kPoison, size_t(dynamic - shared_range.begin));
  memset(dynamic, kPoison, launch->dynamic_shared + kCanary);  // an earlier launch may have used more
  char* rest = dynamic + sizeof dynamic_shared;
  memset(rest, kPoison, size_t(shared_range.end - rest));
}
void CheckCanary() {
  for (size_t i = launch->dynamic_shared; i < launch->dynamic_shared + kCanary; ++i)
    if (dynamic_shared[i] != kPoison)
      Fail("block (%u,%u,%u) wrote past its %zu bytes of dynamic shared memory, at byte %zu", blockIdx.x, blockIdx.y,
           blockIdx.z, launch->dynamic_shared, i);
}

}  // namespace

const Hooks* hooks;
const Launch& CurrentLaunch() { return *launch; }

void Run(const Launch& l) {
  FindShared(l.kernel);
  launch = &l;
  blockDim = l.block;
  gridDim = l.grid;
  BeginGrid({l.kernel, l.body, l.args}, {l.grid.x, l.grid.y, l.grid.z});
  struct Reset {
    ~Reset() {
      launch = nullptr;
      EndGrid();
    }
  } reset;
  if (hooks) hooks->launch(l);
  const unsigned blocks = l.grid.x * l.grid.y * l.grid.z, threads = l.block.x * l.block.y * l.block.z;
  for (unsigned i = 0; i < blocks; ++i) {
    const Index block = GroupAt(i);
    PoisonShared();
    for (unsigned t = 0; t < threads; ++t) in_flight[t] = {};
    if (hooks) hooks->block(GroupNumber(block));
    RunGroup(block, {l.block.x, l.block.y, l.block.z});
    CheckCanary();
  }
}

unsigned Ballot(const char* name, unsigned mask, bool vote, Site site) {
  VoteOperands mine{vote, 0};
  Collective(
      name, mask, &mine,
      [](void* const* operands, unsigned m) {
        unsigned result = 0;
        for (int i = 0; i < 32; ++i)
          if (m >> i & 1) result |= unsigned(static_cast<VoteOperands*>(operands[i])->vote) << i;
        for (int i = 0; i < 32; ++i)
          if (m >> i & 1) static_cast<VoteOperands*>(operands[i])->ballot = result;
      },
      site);
  return mine.ballot;
}

void AsyncCopy16(void* shared, const void* global, const void* pc) {
  if (!IsShared(shared)) Fail("cp.async: the destination is not shared memory");
  if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) & 15)
    Fail("cp.async: misaligned: shared %p global %p", shared, global);
  if (global) Touch(global, 16, Kind::kRead, pc);
  Touch(shared, 16, Kind::kWrite, pc);
  if (races) races->pending(shared, 16, true);
  memset(shared, kPoison, 16);
  Copies& mine = in_flight[ThreadInGroup()];
  mine.copies.push_back({shared, global, mine.group});
  MaybeYield();
}
void AsyncCommit() { ++in_flight[ThreadInGroup()].group; }
void AsyncWait(int groups_left) {
  size_t n = 0;
  Copies& mine = in_flight[ThreadInGroup()];
  auto& copies = mine.copies;
  for (; n < copies.size() && copies[n].group < mine.group - groups_left; ++n) {
    const Copy& c = copies[n];
    if (races) races->pending(c.shared, 16, false);
    if (c.global)
      memcpy(c.shared, c.global, 16);
    else
      memset(c.shared, 0, 16);
  }
  copies.erase(copies.begin(), copies.begin() + long(n));
}
}  // namespace simt
