// The list of all rules, in the order of docs/program.md.
#include "ops/rules.h"

#include <span>
#include <string_view>

namespace nano {
namespace {

constexpr const Rule* kRules[] = {
    &kFillRule,
    &kTrilMeanRule,
    &kCopyRule,
    &kCastRule,
    &kGatherBatchRule,
    &kPositionsRule,
    &kEmbeddingRule,
    &kEmbeddingBackwardRule,
    &kMatmulRule,
    &kBatchedMatmulRule,
    &kAddRule,
    &kSumLeadingRule,
    &kReluRule,
    &kReluBackwardRule,
    &kReluSquaredRule,
    &kReluSquaredBackwardRule,
    &kGeluRule,
    &kGeluBackwardRule,
    &kSwigluRule,
    &kSwigluBackwardRule,
    &kSoftCapRule,
    &kSoftCapBackwardRule,
    &kDropoutRule,
    &kLayerNormRule,
    &kLayerNormBackwardRule,
    &kRmsNormRule,
    &kRmsNormBackwardRule,
    &kRopeRule,
    &kMaskedSoftmaxRule,
    &kMaskedSoftmaxBackwardRule,
    &kAttentionRule,
    &kAttentionBackwardRule,
    &kCrossEntropyRule,
    &kCrossEntropyBackwardRule,
    &kAccumulateRule,
    &kZeroRule,
    &kGlobalNormRule,
    &kClipScaleRule,
    &kRequireFiniteRule,
    &kAdamwRule,
    &kSgdRule,
    &kMuonRule,
    &kEmaRule,
    &kCacheWriteRule,
    &kSelectRowRule,
    &kCountTokensRule,
    &kRepetitionPenaltyRule,
    &kSampleRule,
    &kLinearRule,
    &kDropoutAddRule,
    &kMatmulAccumulateRule,
};

}  // namespace

const Rule* FindRule(std::string_view name) {
  for (const Rule* rule : kRules) {
    if (rule->name == name) return rule;
  }
  return nullptr;
}

std::span<const Rule* const> AllRules() { return kRules; }

}  // namespace nano
