// Stands in for the CUDA backend where it is not built.
#include "engine/backend.h"

namespace nano::cuda {

Availability Probe() { return {false, "not built into this binary"}; }

Result<std::unique_ptr<Device>> Open(int) { return Status(Code::kUnsupported, "CUDA: " + Probe().reason); }

}  // namespace nano::cuda
