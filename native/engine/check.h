// The rules that every backend may rely on (docs/program.md, "Data model"), and each op's own.
#pragma once

#include <vector>

#include "engine/program.h"
#include "engine/rule.h"
#include "engine/status.h"

namespace nano {

// A Program that keeps all rules, and its ops' parameters in op order. Only Check() makes one.
struct CheckedProgram {
  Program program;
  std::vector<Params> params;
};

Result<CheckedProgram> Check(Program program);

// An op with the specs of its buffers at hand, as rules and scratch sizes want it. Refers to the Program.
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
