// Part of the race-detector build: classifies the memory that CUDA kernels access, and enables the
// detector.
#include "common/races.h"
#include "hooks.h"

namespace emulate {
Place PlaceOf(const char* p, size_t size, Kind) {
  using simt::CurrentLaunch;
  if (shared_range.has(p)) {
    auto* dynamic = reinterpret_cast<char*>(dynamic_shared);
    const Range rest{dynamic + CurrentLaunch().dynamic_shared, dynamic + simt::kMaxDynamicShared};
    const char* last = p + size - 1;
    return {Place::kShared, rest.has(last) ? "out of the bounds the launch asked for:" : nullptr, last};
  }
  if (arena_range.has(p)) {
    const Allocation* a = FindAllocation(p);
    if (a && a->live && p + size <= a->base + a->size) return {Place::kDevice, nullptr, p};
    return {Place::kDevice, "out of bounds:", a && a->live && p < a->base + a->size ? a->base + a->size : p};
  }
  auto* args = static_cast<const char*>(CurrentLaunch().args);
  const bool own = image_range.has(p) || (p >= args && p < args + CurrentLaunch().args_size);
  return {Place::kOther, own ? nullptr : "device code touches", p};
}
}  // namespace emulate

namespace simt {
namespace {
const Hooks ours{[](const Launch&) { ForgetAccesses(); }, BeginRaceGroup};
struct Install {
  Install() {
    hooks = &ours;
    races = &race_hooks;
  }
} install;
}  // namespace
}  // namespace simt
