// Opens a GPU as a device of the engine, through a module's functions.
#pragma once

#include <memory>

#include "engine/backend.h"
#include "gpu/driver.h"

namespace nano::gpu {

// `name` is the device's name ("cuda:0").
Result<std::unique_ptr<Device>> OpenGpu(const Module& module, int ordinal, std::string name);

}  // namespace nano::gpu
