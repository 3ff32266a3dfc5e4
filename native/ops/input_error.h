// What a kernel has against the contents of its inputs: plain data, so that a kernel on a GPU can say it too. A
// error that is all zeros is none. validate.h makes them, explain.h puts them into words.
#pragma once

#include <cstdint>

namespace nano {

// The inputs whose contents kernels examine, numbered as in docs/program.md. A gradient op's are its op's own.
enum ValidatedInput : uint32_t {
  kGatherBatchOffsets = 1,
  kPositionsStart = 0,
  kEmbeddingTokens = 0,
  kRopePositions = 1,
  kAttentionStart = 3,
  kAttentionSlot = 4,
  kCrossEntropyTargets = 1,
  kRequireFiniteX = 0,
  kAdamwStep = 0,
  kCacheWriteStart = 2,
  kCacheWriteSlot = 3,
  kSelectRowRow = 1,
  kCountTokensTokens = 1,
  kCountTokensSlot = 2,
  kRepetitionPenaltySlot = 2,
  kRepetitionPenaltyPenalty = 3,
  kSampleLogits = 0,
  kSampleTemperature = 1,
  kSampleTopK = 2,
  kSampleTopP = 3,
  kSampleMinP = 4
};

struct InputError {
  enum Kind : uint32_t { kNone, kOutOfRange, kBadNumber, kSameSlot, kNothingToSample, kNotFinite, kNotFiniteOutput };
  enum What : uint32_t {
    kToken,
    kTarget,
    kStart,
    kSlot,
    kOffset,
    kPosition,
    kRow,
    kStep,
    kTemperature,
    kTopK,
    kTopP,
    kMinP,
    kPenalty
  };
  Kind kind;
  What what;
  int64_t index;      // in its tensor, or the row; −1 for a number that stands alone
  int64_t value;      // kNotFiniteOutput: which of the op's outputs
  int64_t low, high;  // kSameSlot: `low` is the sequence that has the slot already
  float number;       // kBadNumber, kNotFinite
  uint32_t input;     // which of the op's inputs is rejected; of kNotFiniteOutput none
};

}  // namespace nano
