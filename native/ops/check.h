// Helpers for the rules of ops: check counts, tensors and attributes. The first error is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>

#include "engine/program.h"
#include "engine/rule.h"
#include "engine/status.h"

namespace nano {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();

Shape MakeShape(std::initializer_list<int64_t> dims);
Shape LeadingDims(const Shape& shape);          // all but the last
Shape LastDims(const Shape& shape, int count);  // the last `count`
Shape WithLast(Shape shape, int64_t last);      // replaces the last dimension; rank at least 1

class Checker {
 public:
  explicit Checker(const OpView& op) : op_(op) {}

  bool ok() const { return status_.ok(); }
  Status status() const { return status_; }
  void Fail(const std::string& message);  // "<op>: <message>"

  // Requires exact numbers of inputs and outputs. Inputs and outputs may be accessed only after it
  // returns true.
  bool Counts(size_t inputs, size_t outputs);

  // For ops on many tensors: the number of groups of `each` inputs after the first `scalars`
  // inputs. If the inputs don't form whole groups, or there are none, it fails and returns 0.
  size_t Groups(size_t scalars, size_t each);

  // `Attributes` requires exactly these attributes. The other functions read one attribute and
  // check its type and range.
  void Attributes(std::initializer_list<std::string_view> names);
  bool Bool(std::string_view name);
  int64_t Int(std::string_view name, int64_t low, int64_t high);
  double Float(std::string_view name, double low, double high);  // low ≤ value ≤ high, not NaN
  double Probability(std::string_view name);                     // 0 ≤ value < 1
  uint32_t Site() { return static_cast<uint32_t>(Int("site", 0, 0xFFFFFFFF)); }

  // Check a tensor by its index and the name that docs/program.md gives it. If a shape is given, it
  // must match exactly.
  const Shape& Input(size_t index, const char* name, Dtype dtype);
  const Shape& Output(size_t index, const char* name, Dtype dtype);
  void Input(size_t index, const char* name, Dtype dtype, const Shape& shape);
  void Output(size_t index, const char* name, Dtype dtype, const Shape& shape);
  // Check a tensor that may be f32 or bf16. `DtypeOf` returns the dtype of an input.
  Dtype DtypeOf(size_t input) const { return op_.inputs[input].dtype; }
  const Shape& FloatInput(size_t index, const char* name);
  const Shape& FloatOutput(size_t index, const char* name);
  void FloatInput(size_t index, const char* name, const Shape& shape);
  void FloatOutput(size_t index, const char* name, const Shape& shape);
  void Scalar(size_t input, const char* name, Dtype dtype) { Input(input, name, dtype, Shape{}); }
  void Rng(size_t input) { Input(input, "rng", Dtype::kU32, MakeShape({3})); }

  // Check the counts and all tensors of an elementwise op, which have the same shape. All must be
  // f32, or with FloatElementwise each f32 or bf16.
  void Elementwise(std::initializer_list<const char*> inputs, const char* output);
  void FloatElementwise(std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs);

  // Requires the rank of input `index` to be in [low, high].
  bool Rank(size_t index, const char* name, int low, int high = kMaxRank);

 private:
  const Attribute* Find(std::string_view name);
  void CheckTensor(const char* side, size_t index, const char* name, const TensorSpec& spec, const TensorSpec& wanted);
  void CheckDtype(const char* side, size_t index, const char* name, const TensorSpec& spec, Dtype dtype);
  void CheckFloat(const char* side, size_t index, const char* name, const TensorSpec& spec);

  const OpView& op_;
  Status status_;
};

}  // namespace nano
