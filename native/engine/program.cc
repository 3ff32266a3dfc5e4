// Names, sizes and printed forms of the Program's parts.
#include "engine/program.h"

#include <algorithm>

namespace nano {

size_t SizeOf(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF64:
      return 8;
    case Dtype::kF32:
    case Dtype::kI32:
    case Dtype::kU32:
      return 4;
    case Dtype::kBf16:
    case Dtype::kF16:
    case Dtype::kU16:
      return 2;
    case Dtype::kU8:
      return 1;
  }
  return 8;
}

const char* NameOf(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return "f32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kBf16:
      return "bf16";
  }
  return "unknown";
}

const char* NameOf(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32:
      return "f32";
    case Dtype::kF64:
      return "f64";
    case Dtype::kBf16:
      return "bf16";
    case Dtype::kF16:
      return "f16";
    case Dtype::kI32:
      return "i32";
    case Dtype::kU16:
      return "u16";
    case Dtype::kU32:
      return "u32";
    case Dtype::kU8:
      return "u8";
  }
  return "unknown";
}

int64_t Shape::elements() const {
  int64_t product = 1;
  for (int axis = 0; axis < rank; ++axis) product *= dims[axis];
  return product;
}

bool Shape::operator==(const Shape& other) const {
  return rank == other.rank && std::equal(dims.begin(), dims.begin() + rank, other.dims.begin());
}

std::string Shape::ToString() const {
  std::string text = "[";
  for (int axis = 0; axis < rank; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(dims[axis]);
  }
  return text + "]";
}

std::string TensorSpec::ToString() const { return std::string(NameOf(dtype)) + " " + shape.ToString(); }

}  // namespace nano
