// Replaces the Metal backend in builds without it.
#include "engine/backend.h"

namespace nano::metal {

#if defined(__APPLE__)
constexpr char kReason[] = "not built into this binary";
#else
constexpr char kReason[] = "only on macOS";
#endif

Availability Probe() { return {false, kReason}; }

Result<std::unique_ptr<Device>> Open(int) { return Status(Code::kUnsupported, "Metal: " + Probe().reason); }

}  // namespace nano::metal
