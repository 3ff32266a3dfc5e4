// Finds the kernels of a Program's ops, sets their arguments and enqueues them.
#include "gpu/calls.h"

#include <algorithm>

namespace nano::gpu {

Status Calls::FindKernels() {
  for (size_t op = 0; op < program_.ops.size(); ++op) {
    const Kernel* const end = module().kernels + module().kernel_count;
    const Kernel* kernel =
        std::find_if(module().kernels, end, [&](const Kernel& it) { return program_.ops[op].name == it.name; });
    if (kernel == end) return {Code::kUnsupported, OpName(program_, op) + ": the GPU has no kernel for it"};
    kernels_.push_back(kernel);
  }
  return Status::Ok();
}

std::vector<size_t> Calls::ScratchSizes() const {
  std::vector<size_t> scratch(program_.ops.size(), 0);
  for (size_t op = 0; op < scratch.size(); ++op) {
    if (kernels_[op]->scratch == nullptr) continue;
    const OpSpecs specs(program_, program_.ops[op]);
    scratch[op] = kernels_[op]->scratch(specs.view(), params_[op]);
  }
  return scratch;
}

void Calls::Make(Control* control) {
  size_t operands = 0;
  for (const Op& op : program_.ops) operands += op.inputs.size() + op.outputs.size();
  tensors_.reserve(operands);  // never reallocates: the calls point into it
  for (size_t index = 0; index < program_.ops.size(); ++index) {
    const Op& op = program_.ops[index];
    const Tensor* inputs = AddTensors(op.inputs);
    const Tensor* outputs = AddTensors(op.outputs);
    calls_.push_back({inputs, outputs, op.inputs.size(), op.outputs.size(), &params_[index], program_.precision,
                      nullptr, control, static_cast<uint32_t>(index), queue()});
  }
}

const Tensor* Calls::AddTensors(const std::vector<uint32_t>& buffers) {
  const size_t first = tensors_.size();
  for (const uint32_t buffer : buffers) tensors_.push_back({nullptr, &program_.buffers[buffer].spec});
  return tensors_.data() + first;
}

void Calls::Bind(const std::function<std::byte*(uint32_t)>& locate, const std::function<std::byte*(size_t)>& scratch) {
  size_t next = 0;
  for (size_t op = 0; op < calls_.size(); ++op) {
    for (const uint32_t buffer : program_.ops[op].inputs) tensors_[next++].data = locate(buffer);
    for (const uint32_t buffer : program_.ops[op].outputs) tensors_[next++].data = locate(buffer);
    calls_[op].scratch = scratch(op);
  }
}

std::optional<OpFailure> Calls::RunMarked(bool check_finite, const EventPointer* events) const {
  for (size_t op = 0; op < calls_.size(); ++op) {
    Status status = events == nullptr ? Status::Ok() : events[op].Mark();
    if (status.ok()) {
      status = driver_->Ask([&](Message& message) { return kernels_[op]->run(calls_[op], message); });
    }
    for (size_t output = 0; status.ok() && check_finite && output < calls_[op].output_count; ++output) {
      status = driver_->Ask([&](Message& message) { return module().check_finite(calls_[op], output, message); });
    }
    if (!status.ok()) return OpFailure{std::move(status), op, {}};
  }
  return std::nullopt;
}

}  // namespace nano::gpu
