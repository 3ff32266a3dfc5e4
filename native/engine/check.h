// Checks the rules that every backend relies on (docs/program.md, "Data model") and each op's own
// rule.
#pragma once

#include <vector>

#include "engine/program.h"
#include "engine/rule.h"
#include "engine/status.h"

namespace nano {

// A valid Program and its ops' parameters in op order. Only Check() creates one.
struct CheckedProgram {
  Program program;
  std::vector<Params> params;
};

Result<CheckedProgram> Check(Program program);

// An op with the specs of its buffers, for rules and for computing scratch sizes. Refers to the
// Program.
class OpSpecs {
 public:
  OpSpecs(const Program& program, const Op& op);
  OpView view() const { return {op_->name, inputs_, outputs_, &op_->attributes}; }

 private:
  const Op* op_;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
};

// "op 12 (matmul)"
std::string OpName(const Program& program, size_t op);

}  // namespace nano
