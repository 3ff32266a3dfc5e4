// Opens a device by its name.
#include <charconv>
#include <string>

#include "engine/backend.h"
#include "engine/guard.h"

namespace nano {
namespace {

// "cuda" gives 0, "cuda:2" gives 2, any other text gives nothing.
std::optional<int> Ordinal(std::string_view name, std::string_view kind) {
  if (!name.starts_with(kind)) return std::nullopt;
  name.remove_prefix(kind.size());
  if (name.empty()) return 0;
  if (name.front() != ':') return std::nullopt;
  int ordinal = -1;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), ordinal);
  if (error != std::errc() || end != name.data() + name.size() || ordinal < 0) return std::nullopt;
  return ordinal;
}

}  // namespace

Result<std::unique_ptr<Device>> OpenDevice(std::string_view name, std::string_view instruction_set, SharedPool& pool) {
  return Guarded([&]() -> Result<std::unique_ptr<Device>> {
    if (name == "cpu") return cpu::Open(instruction_set, pool);
    if (const auto ordinal = Ordinal(name, "cuda")) return cuda::Open(*ordinal);
    if (const auto ordinal = Ordinal(name, "metal")) return metal::Open(*ordinal);
    return Status(Code::kInvalidArgument,
                  "there is no device \"" + std::string(name) + "\"; there are \"cpu\", \"cuda\" and \"metal\"");
  });
}

}  // namespace nano
