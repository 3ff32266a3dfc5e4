// Reads case files (docs/case-files.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/program.h"
#include "engine/status.h"

namespace nano {

// A parsed case file. Refers to the bytes it was parsed from.
struct CaseFile {
  struct Tensor {
    std::string name;
    TensorSpec spec;
    std::span<const std::byte> contents;  // empty: zeros
  };
  struct Expectation {
    bool of_store = false;
    std::string name;
    double nmse = -1;
    std::vector<double> expected;
    std::vector<double> bounds;
  };
  std::string name;
  std::span<const std::byte> program;
  std::vector<Tensor> store;
  uint32_t steps = 1;
  uint32_t times = 1;
  bool check_finite = false;
  std::span<const std::byte> inputs;
  std::string code;
  int32_t op = -1;
  std::vector<Expectation> expectations;
};

// Parses a case file, or says what is wrong with the bytes.
Result<CaseFile> ReadCase(std::span<const std::byte> bytes);

}  // namespace nano
