// A GPU as a device of the engine, over a module's calls.
#pragma once

#include <memory>

#include "engine/backend.h"
#include "gpu/driver.h"

namespace nano::gpu {

// `name` is what the device is called ("cuda:0").
Result<std::unique_ptr<Device>> OpenGpu(const Module& module, int ordinal, std::string name);

}  // namespace nano::gpu
