// Validates names, dtypes and shapes from outside the engine. The decoder, the binding and nano-run
// all use these functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/program.h"
#include "engine/status.h"

namespace nano {

constexpr uint32_t kMaxBuffers = 65536;
constexpr uint32_t kMaxOps = 65536;
constexpr uint64_t kMaxBufferBytes = 1'000'000'000'000;
constexpr size_t kMaxNameBytes = 65535;

// a · b and a + b, or nothing if the result overflows.
std::optional<uint64_t> Multiply(uint64_t a, uint64_t b);
std::optional<uint64_t> Add(uint64_t a, uint64_t b);

// The dtype with this name ("f32"), or nothing.
std::optional<Dtype> DtypeNamed(std::string_view name);

// Checks that `text` is valid UTF-8 without control characters and has at most kMaxNameBytes bytes.
// The error message doesn't repeat a rejected name.
Status CheckText(std::string_view text);

// Makes a spec, or fails if its rank, dimensions or size exceed the limits.
Result<TensorSpec> MakeSpec(Dtype dtype, std::span<const uint64_t> dims);

}  // namespace nano
