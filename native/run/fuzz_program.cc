// Fuzz target: decodes, checks and plans arbitrary bytes as a Program, and runs small Programs.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/check.h"
#include "engine/decode.h"
#include "engine/limits.h"
#include "engine/session.h"
#include "engine/shared_pool.h"

namespace {

constexpr uint64_t kSmall = 1 << 14;  // total elements of all buffers; keeps even a cubic op short

bool IsSmall(const nano::Program& program) {
  uint64_t elements = 0;
  for (const nano::Buffer& buffer : program.buffers) {
    elements += static_cast<uint64_t>(buffer.spec.elements());
    if (elements > kSmall) return false;
  }
  return true;
}

// Repeats bytes that look like small floats, small integers and garbage.
std::vector<std::byte> Noise(size_t bytes, std::span<const std::byte> seed) {
  std::vector<std::byte> noise(bytes);
  for (size_t i = 0; i < bytes; ++i) {
    const auto salt = static_cast<unsigned>(seed[i % seed.size()]);
    noise[i] =
        i % 8 < 4 ? static_cast<std::byte>(i % 4 == 3 ? 0x3F : salt) : static_cast<std::byte>(i % 4 ? 0 : salt % 8);
  }
  return noise;
}

void RunSmall(const nano::Program& program, std::span<const std::byte> bytes, nano::SharedPool& pool) {
  auto device = nano::OpenDevice("cpu", bytes.size() % 2 == 0 ? "portable" : "", pool);
  if (!device.ok()) __builtin_trap();
  nano::Session session(std::move(device.value()));
  for (const nano::Buffer& buffer : program.buffers) {
    if (buffer.role != nano::Role::kStore) continue;
    (void)session.Allocate(buffer.name, buffer.spec).ok();
    (void)session.Write(buffer.name, Noise(buffer.spec.bytes(), bytes)).ok();
  }
  const nano::Result<int> handle = session.Compile(bytes);
  if (!handle.ok()) return;
  const auto inputs = Noise(nano::RecordOf(program, nano::Role::kInput).bytes * 2, bytes);
  nano::Schedule schedule;
  schedule.steps = 2;
  schedule.phases.push_back({handle.value(), 1, inputs});
  (void)session.Run(schedule).ok();
  schedule.check_finite = true;
  (void)session.Run(schedule).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static nano::SharedPool pool(2);
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const nano::Result<nano::Program> program = nano::DecodeProgram(bytes);
  if (!program.ok()) return 0;
  if (IsSmall(program.value())) {
    RunSmall(program.value(), bytes, pool);
  } else {
    (void)nano::Check(program.value()).ok();
  }
  return 0;
}
