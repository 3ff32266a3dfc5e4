// The Metal backend as a device of the engine.
#include <cstdlib>
#include <string>

#include "engine/backend.h"
#include "engine/switch.h"
#include "gpu/backend.h"
#include "metal/module.h"

namespace nano::metal {

Availability Probe() {
  if (SwitchOf("NANO_GPT_METAL") == false) {
    return {false, std::string("NANO_GPT_METAL=") + std::getenv("NANO_GPT_METAL") + " turns it off", false};
  }
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
