// The layout of a Program's inputs (or outputs) in one record: in buffer order, each at a multiple
// of 8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/program.h"

namespace nano {

struct Record {
  struct Part {
    uint32_t buffer;
    size_t offset;
    size_t bytes;
  };
  std::vector<Part> parts;
  size_t bytes = 0;  // a multiple of 8
};

// The record of all buffers with this role. Sizes can't overflow: there are at most 65,536 buffers
// of at most 10^12 bytes each.
inline Record RecordOf(const Program& program, Role role) {
  Record record;
  for (uint32_t index = 0; index < program.buffers.size(); ++index) {
    if (program.buffers[index].role != role) continue;
    const size_t bytes = program.buffers[index].spec.bytes();
    record.parts.push_back({index, record.bytes, bytes});
    record.bytes += (bytes + 7) / 8 * 8;
  }
  return record;
}

}  // namespace nano
