// Every op's rule, each defined in its own file.
#pragma once

#include "ops/rule.h"

namespace nano {

extern const Rule kFillRule;
extern const Rule kTrilMeanRule;
extern const Rule kCopyRule;
extern const Rule kCastRule;
extern const Rule kCountTokensRule;
extern const Rule kGatherBatchRule;
extern const Rule kPositionsRule;
extern const Rule kEmbeddingRule;
extern const Rule kEmbeddingBackwardRule;
extern const Rule kMatmulRule;
extern const Rule kBatchedMatmulRule;
extern const Rule kAddRule;
extern const Rule kSumLeadingRule;
extern const Rule kReluRule;
extern const Rule kReluBackwardRule;
extern const Rule kReluSquaredRule;
extern const Rule kReluSquaredBackwardRule;
extern const Rule kGeluRule;
extern const Rule kGeluBackwardRule;
extern const Rule kSwigluRule;
extern const Rule kSwigluBackwardRule;
extern const Rule kSoftCapRule;
extern const Rule kSoftCapBackwardRule;
extern const Rule kDropoutRule;
extern const Rule kLayerNormRule;
extern const Rule kLayerNormBackwardRule;
extern const Rule kRmsNormRule;
extern const Rule kRmsNormBackwardRule;
extern const Rule kRopeRule;
extern const Rule kMaskedSoftmaxRule;
extern const Rule kMaskedSoftmaxBackwardRule;
extern const Rule kAttentionRule;
extern const Rule kAttentionBackwardRule;
extern const Rule kCrossEntropyRule;
extern const Rule kCrossEntropyBackwardRule;
extern const Rule kAccumulateRule;
extern const Rule kZeroRule;
extern const Rule kGlobalNormRule;
extern const Rule kClipScaleRule;
extern const Rule kRepetitionPenaltyRule;
extern const Rule kRequireFiniteRule;
extern const Rule kAdamwRule;
extern const Rule kSgdRule;
extern const Rule kMuonRule;
extern const Rule kEmaRule;
extern const Rule kCacheWriteRule;
extern const Rule kSelectRowRule;
extern const Rule kSampleRule;
extern const Rule kLinearRule;
extern const Rule kDropoutAddRule;
extern const Rule kMatmulAccumulateRule;

}  // namespace nano
