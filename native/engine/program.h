// The Program in the engine: plain data, the C++ counterpart of lib/graph/program.ts
// (docs/program.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nano {

enum class Dtype : uint8_t { kF32 = 0, kF64 = 1, kBf16 = 2, kF16 = 3, kI32 = 4, kU16 = 5, kU32 = 6, kU8 = 7 };
// The precision of a Program. kTf32: matrix products round their operands to TF32. kBf16: buffers
// may be bf16.
enum class Precision : uint8_t { kF32 = 0, kTf32 = 1, kBf16 = 2 };
enum class Role : uint8_t { kStore = 0, kInput = 1, kOutput = 2, kTemporary = 3 };

constexpr int kMaxRank = 8;
size_t SizeOf(Dtype dtype);       // bytes in one element
const char* NameOf(Dtype dtype);  // "f32"
const char* NameOf(Precision precision);

struct Shape {
  std::array<int64_t, kMaxRank> dims{};
  int rank = 0;

  int64_t operator[](int axis) const { return dims[axis]; }
  int64_t last() const { return rank == 0 ? 1 : dims[rank - 1]; }
  int64_t elements() const;  // can't overflow: the decoder checks the size
  int64_t rows() const { return elements() / last(); }
  bool operator==(const Shape& other) const;
  std::string ToString() const;  // "[64, 256, 384]"
};

struct TensorSpec {
  Dtype dtype = Dtype::kF32;
  Shape shape;
  int64_t elements() const { return shape.elements(); }
  size_t bytes() const { return static_cast<size_t>(elements()) * SizeOf(dtype); }
  bool operator==(const TensorSpec& other) const { return dtype == other.dtype && shape == other.shape; }
  std::string ToString() const;  // "f32 [64, 256, 384]"
};

using Attribute = std::variant<bool, int64_t, double>;
using Attributes = std::map<std::string, Attribute, std::less<>>;

struct Buffer {
  std::string name;
  TensorSpec spec;
  Role role = Role::kTemporary;
};

struct Op {
  std::string name;
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> outputs;
  Attributes attributes;
};

struct Program {
  std::string name;
  Precision precision = Precision::kF32;
  std::vector<Buffer> buffers;
  std::vector<Op> ops;
};

}  // namespace nano
