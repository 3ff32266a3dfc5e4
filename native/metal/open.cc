// The Metal backend as a device of the engine.
#include <cstdlib>
#include <cstring>

#include "engine/backend.h"
#include "gpu/backend.h"
#include "metal/module.h"

namespace nano::metal {

Availability Probe() {
  const char* const wish = std::getenv("NANO_GPT_METAL");
  if (wish != nullptr && std::strcmp(wish, "0") == 0) return {false, "NANO_GPT_METAL=0 turns it off", false};
  const gpu::Module& module = Module();
  gpu::Message message;
  int devices = 0;
  if (module.count(devices, message) != gpu::Outcome::kOk) return {false, message.text, true};
  if (devices == 0) return {false, message.text, false};
  gpu::Description description;
  if (module.describe(0, description, message) != gpu::Outcome::kOk) return {false, message.text, true};
  return {true, description.name + (", " + std::to_string(description.memory >> 20)) + " MiB for the GPU", true};
}

Result<std::unique_ptr<Device>> Open(int ordinal) {
  const Availability found = Probe();
  if (!found.available) return Status(Code::kUnsupported, found.reason);
  if (ordinal > 0) {
    return Status(Code::kUnsupported,
                  "there is no device \"metal:" + std::to_string(ordinal) + "\"; there is one GPU for Metal, metal:0");
  }
  return gpu::OpenGpu(Module(), ordinal, "metal:0");
}

}  // namespace nano::metal
