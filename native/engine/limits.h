// What a name, a dtype and a shape from outside may be. The decoder, the binding and nano-run all ask here.
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

// a · b, or nothing if it does not fit.
std::optional<uint64_t> Multiply(uint64_t a, uint64_t b);
std::optional<uint64_t> Add(uint64_t a, uint64_t b);

// The dtype called `name` ("f32"), or nothing.
std::optional<Dtype> DtypeNamed(std::string_view name);

// Valid UTF-8 without control characters, at most kMaxNameBytes bytes. The message doesn't repeat a name that is
// refused.
Status CheckText(std::string_view text);

// A spec whose rank, dimensions and size are within the limits.
Result<TensorSpec> MakeSpec(Dtype dtype, std::span<const uint64_t> dims);

}  // namespace nano
