#include "engine/plan.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "engine/guard.h"
#include "engine/rule.h"

namespace nano {
namespace {

constexpr size_t kMaxArena = size_t{1} << 60;

// The free gaps of an arena that grows at its end.
class Gaps {
 public:
  // Takes the smallest gap that holds `bytes`. If there is none, the arena grows.
  size_t Take(size_t bytes) {
    const auto best = by_size_.lower_bound({bytes, 0});
    if (best == by_size_.end()) return Grow(bytes);
    const auto [gap, offset] = *best;
    Erase(offset, gap);
    if (gap > bytes) Insert(offset + bytes, gap - bytes);
    return offset;
  }

  void Give(size_t offset, size_t bytes) {
    auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && next->first == offset + bytes) {
      const size_t gap = next->second;
      Erase(offset + bytes, gap);
      bytes += gap;
    }
    next = by_offset_.lower_bound(offset);
    if (next != by_offset_.begin()) {
      const auto [before, gap] = *std::prev(next);
      if (before + gap == offset) {
        Erase(before, gap);
        offset = before;
        bytes += gap;
      }
    }
    Insert(offset, bytes);
  }

  size_t end() const { return end_; }

 private:
  size_t Grow(size_t bytes) {
    size_t offset = end_;
    if (!by_offset_.empty()) {
      const auto [last, gap] = *by_offset_.rbegin();
      if (last + gap == end_) {
        Erase(last, gap);
        offset = last;
      }
    }
    end_ = offset + bytes;
    return offset;
  }
  void Insert(size_t offset, size_t bytes) {
    by_offset_.emplace(offset, bytes);
    by_size_.emplace(bytes, offset);
  }
  void Erase(size_t offset, size_t bytes) {
    by_offset_.erase(offset);
    by_size_.erase({bytes, offset});
  }

  std::map<size_t, size_t> by_offset_;
  std::set<std::pair<size_t, size_t>> by_size_;
  size_t end_ = 0;
};

struct Item {
  size_t bytes;
  size_t* offset;
};

size_t Aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// For each op, the temporaries whose last use is in that op.
std::vector<std::vector<uint32_t>> LastUses(const Program& program) {
  std::vector<size_t> last(program.buffers.size(), 0);
  std::vector<bool> used(program.buffers.size(), false);
  const auto use = [&](uint32_t buffer, size_t op) {
    if (program.buffers[buffer].role != Role::kTemporary) return;
    last[buffer] = op;
    used[buffer] = true;
  };
  for (size_t op = 0; op < program.ops.size(); ++op) {
    for (const uint32_t buffer : program.ops[op].inputs) use(buffer, op);
    for (const uint32_t buffer : program.ops[op].outputs) use(buffer, op);
  }
  std::vector<std::vector<uint32_t>> at(program.ops.size());
  for (uint32_t buffer = 0; buffer < program.buffers.size(); ++buffer) {
    if (used[buffer]) at[last[buffer]].push_back(buffer);
  }
  return at;
}

// Places the first output of an elementwise op over an input whose last use is this op, if both
// have the same number of elements and bytes. Returns that input.
std::optional<uint32_t> Overwrite(const Program& program, const Op& op, std::span<const uint32_t> ending, Plan& plan) {
  const uint32_t output = op.outputs[0];
  if (program.buffers[output].role != Role::kTemporary) return std::nullopt;
  for (const uint32_t input : op.inputs) {
    const TensorSpec &from = program.buffers[input].spec, &to = program.buffers[output].spec;
    if (from.elements() != to.elements() || from.bytes() != to.bytes()) continue;
    if (std::find(ending.begin(), ending.end(), input) == ending.end()) continue;
    plan.buffers[output] = plan.buffers[input];
    return input;
  }
  return std::nullopt;
}

Result<Plan> Place(const Program& program, size_t scratch) {
  Plan plan;
  plan.buffers.assign(program.buffers.size(), 0);
  const std::vector<std::vector<uint32_t>> last_uses = LastUses(program);
  Gaps gaps;
  if (scratch > kMaxArena) return Status(Code::kOutOfMemory, "an op's scratch is too large");
  if (scratch > 0) gaps.Take(Aligned(scratch));
  for (size_t op = 0; op < program.ops.size(); ++op) {
    std::vector<Item> items;
    const bool elementwise = FindRule(program.ops[op].name)->elementwise;
    const std::optional<uint32_t> overwritten =
        elementwise ? Overwrite(program, program.ops[op], last_uses[op], plan) : std::nullopt;
    for (const uint32_t buffer : program.ops[op].outputs) {
      if (program.buffers[buffer].role != Role::kTemporary) continue;
      if (overwritten.has_value() && buffer == program.ops[op].outputs[0]) continue;
      items.push_back({Aligned(program.buffers[buffer].spec.bytes()), &plan.buffers[buffer]});
    }
    std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.bytes > b.bytes; });
    for (const Item& item : items) {
      *item.offset = gaps.Take(item.bytes);
      if (gaps.end() > kMaxArena) return Status(Code::kOutOfMemory, "the program's temporaries are too large");
    }
    for (const uint32_t buffer : last_uses[op]) {
      if (buffer == overwritten) continue;
      gaps.Give(plan.buffers[buffer], Aligned(program.buffers[buffer].spec.bytes()));
    }
  }
  plan.bytes = gaps.end();
  return plan;
}

}  // namespace

Result<Plan> PlanArena(const Program& program, size_t scratch) {
  return Guarded([&] { return Place(program, scratch); });
}

}  // namespace nano
