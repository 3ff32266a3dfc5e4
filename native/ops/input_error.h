// An error in the contents of a kernel's inputs, or of the outputs that it wrote. Plain data, so
// that a GPU kernel can report it too. All zeros means no error. validate.h makes errors, explain.h
// converts them to messages.
#pragma once

#include <cstdint>

namespace nano {

// The inputs whose contents kernels validate, numbered as in docs/program.md. A gradient op uses
// the entries of its forward op.
enum ValidatedInput : uint32_t {
  kGatherBatchOffsets = 1,
  kPositionsStart = 0,
  kEmbeddingTokens = 0,
  kEmbeddingAccumulateTokens = 1,
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
  int64_t index;      // in its tensor, or the row; −1 for a single number, or if unknown
  int64_t value;      // the invalid value; kNotFiniteOutput: the index of the op's output
  int64_t low, high;  // the valid range; kSameSlot: `low` is the other sequence with this slot
  float number;       // the invalid value for kBadNumber and kNotFinite
  uint32_t input;     // the index of the op's invalid input; unused for kNotFiniteOutput
};

}  // namespace nano
