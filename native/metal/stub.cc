// Replaces the Metal backend in builds without it.
#include "engine/backend.h"

namespace nano::metal {

Availability Probe() { return {false, "not built into this binary"}; }

Result<std::unique_ptr<Device>> Open(int) { return Status(Code::kUnsupported, "Metal: " + Probe().reason); }

}  // namespace nano::metal
