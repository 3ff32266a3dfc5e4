// Implements Checker, which builds the error messages of rules.
#include "ops/check.h"

#include <cstdio>
#include <utility>

namespace nano {
namespace {

std::string Number(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

const char* TypeName(const Attribute& attribute) {
  constexpr const char* kNames[] = {"bool", "int", "float"};
  return kNames[attribute.index()];
}

std::string Describe(const char* side, size_t index, const char* name) {
  return std::string(side) + " " + std::to_string(index) + " (" + name + ")";
}

}  // namespace

Shape MakeShape(std::initializer_list<int64_t> dims) {
  Shape shape;
  for (const int64_t dim : dims) shape.dims[shape.rank++] = dim;
  return shape;
}

Shape LeadingDims(const Shape& shape) {
  Shape leading = shape;
  if (leading.rank > 0) leading.dims[--leading.rank] = 0;
  return leading;
}

Shape LastDims(const Shape& shape, int count) {
  Shape last;
  last.rank = count;
  for (int i = 0; i < count; ++i) last.dims[i] = shape.dims[shape.rank - count + i];
  return last;
}

Shape WithLast(Shape shape, int64_t last) {
  shape.dims[shape.rank - 1] = last;
  return shape;
}

void Checker::Fail(const std::string& message) {
  if (status_.ok()) status_ = Status(Code::kInvalidProgram, std::string(op_.name) + ": " + message);
}

bool Checker::Counts(size_t inputs, size_t outputs) {
  if (op_.inputs.size() != inputs || op_.outputs.size() != outputs) {
    Fail("has " + std::to_string(op_.inputs.size()) + " inputs and " + std::to_string(op_.outputs.size()) +
         " outputs; it takes " + std::to_string(inputs) + " and " + std::to_string(outputs));
  }
  return ok();
}

size_t Checker::Groups(size_t scalars, size_t each) {
  const size_t inputs = op_.inputs.size();
  if (inputs >= scalars + each && (inputs - scalars) % each == 0) return (inputs - scalars) / each;
  Fail("has " + std::to_string(inputs) + " inputs; it takes " + std::to_string(scalars) + " and, for each parameter, " +
       std::to_string(each));
  return 0;
}

void Checker::Attributes(std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : *op_.attributes) {
    bool known = false;
    for (const std::string_view each : names) known = known || each == name;
    if (!known) Fail("has no attribute '" + name + "'");
  }
  for (const std::string_view name : names) {
    if (!op_.attributes->contains(name)) Fail("lacks the attribute '" + std::string(name) + "'");
  }
}

const Attribute* Checker::Find(std::string_view name) {
  const auto found = op_.attributes->find(name);
  if (found != op_.attributes->end()) return &found->second;
  Fail("lacks the attribute '" + std::string(name) + "'");
  return nullptr;
}

bool Checker::Bool(std::string_view name) {
  const Attribute* attribute = Find(name);
  if (attribute == nullptr) return false;
  if (const bool* value = std::get_if<bool>(attribute)) return *value;
  Fail("attribute '" + std::string(name) + "' is " + TypeName(*attribute) + ", it must be bool");
  return false;
}

int64_t Checker::Int(std::string_view name, int64_t low, int64_t high) {
  const Attribute* attribute = Find(name);
  if (attribute == nullptr) return low;
  const int64_t* value = std::get_if<int64_t>(attribute);
  if (value == nullptr) {
    Fail("attribute '" + std::string(name) + "' is " + TypeName(*attribute) + ", it must be int");
    return low;
  }
  if (*value < low || *value > high) {
    Fail("attribute '" + std::string(name) + "' is " + std::to_string(*value) + ", it must be at least " +
         std::to_string(low) + (high == kMaxInt ? "" : " and at most " + std::to_string(high)));
    return low;
  }
  return *value;
}

double Checker::Float(std::string_view name, double low, double high) {
  const Attribute* attribute = Find(name);
  if (attribute == nullptr) return low;
  const double* value = std::get_if<double>(attribute);
  if (value == nullptr) {
    Fail("attribute '" + std::string(name) + "' is " + TypeName(*attribute) + ", it must be float");
    return low;
  }
  if (!(*value >= low && *value <= high)) {
    Fail("attribute '" + std::string(name) + "' is " + Number(*value) + ", it must be at least " + Number(low) +
         " and at most " + Number(high));
    return low;
  }
  return *value;
}

double Checker::Probability(std::string_view name) {
  const double value = Float(name, 0, 1);
  if (value < 1) return value;
  Fail("attribute '" + std::string(name) + "' is 1, it must be less than 1");
  return 0;
}

void Checker::CheckTensor(const char* side, size_t index, const char* name, const TensorSpec& spec,
                          const TensorSpec& wanted) {
  if (spec == wanted) return;
  Fail(Describe(side, index, name) + " is " + spec.ToString() + ", it must be " + wanted.ToString());
}

void Checker::CheckDtype(const char* side, size_t index, const char* name, const TensorSpec& spec, Dtype dtype) {
  if (spec.dtype == dtype) return;
  Fail(Describe(side, index, name) + " is " + spec.ToString() + ", its dtype must be " + NameOf(dtype));
}

const Shape& Checker::Input(size_t index, const char* name, Dtype dtype) {
  CheckDtype("input", index, name, op_.inputs[index], dtype);
  return op_.inputs[index].shape;
}

const Shape& Checker::Output(size_t index, const char* name, Dtype dtype) {
  CheckDtype("output", index, name, op_.outputs[index], dtype);
  return op_.outputs[index].shape;
}

void Checker::Input(size_t index, const char* name, Dtype dtype, const Shape& shape) {
  CheckTensor("input", index, name, op_.inputs[index], {dtype, shape});
}

void Checker::Output(size_t index, const char* name, Dtype dtype, const Shape& shape) {
  CheckTensor("output", index, name, op_.outputs[index], {dtype, shape});
}

void Checker::CheckFloat(const char* side, size_t index, const char* name, const TensorSpec& spec) {
  if (spec.dtype == Dtype::kF32 || spec.dtype == Dtype::kBf16) return;
  Fail(Describe(side, index, name) + " is " + spec.ToString() + ", its dtype must be f32 or bf16");
}

const Shape& Checker::FloatInput(size_t index, const char* name) {
  CheckFloat("input", index, name, op_.inputs[index]);
  return op_.inputs[index].shape;
}

const Shape& Checker::FloatOutput(size_t index, const char* name) {
  CheckFloat("output", index, name, op_.outputs[index]);
  return op_.outputs[index].shape;
}

// A dtype that is neither is reported as one that must be f32.
void Checker::FloatInput(size_t index, const char* name, const Shape& shape) {
  const Dtype dtype = op_.inputs[index].dtype;
  Input(index, name, dtype == Dtype::kBf16 ? dtype : Dtype::kF32, shape);
}

void Checker::FloatOutput(size_t index, const char* name, const Shape& shape) {
  const Dtype dtype = op_.outputs[index].dtype;
  Output(index, name, dtype == Dtype::kBf16 ? dtype : Dtype::kF32, shape);
}

void Checker::FloatElementwise(std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs) {
  if (!Counts(inputs.size(), outputs.size())) return;
  const Shape& shape = FloatInput(0, inputs.begin()[0]);
  for (size_t i = 1; i < inputs.size(); ++i) FloatInput(i, inputs.begin()[i], shape);
  for (size_t i = 0; i < outputs.size(); ++i) FloatOutput(i, outputs.begin()[i], shape);
}

void Checker::Elementwise(std::initializer_list<const char*> inputs, const char* output) {
  if (!Counts(inputs.size(), 1)) return;
  const char* const* names = inputs.begin();
  const Shape& shape = Input(0, names[0], Dtype::kF32);
  for (size_t i = 1; i < inputs.size(); ++i) Input(i, names[i], Dtype::kF32, shape);
  Output(0, output, Dtype::kF32, shape);
}

bool Checker::Rank(size_t index, const char* name, int low, int high) {
  const Shape& shape = op_.inputs[index].shape;
  if (shape.rank < low || shape.rank > high) {
    Fail(Describe("input", index, name) + " is " + shape.ToString() + ", it must have " +
         (low == high ? "" : "at least ") + std::to_string(low) + " dimensions");
  }
  return ok();
}

}  // namespace nano
