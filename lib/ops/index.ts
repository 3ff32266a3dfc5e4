// Every op by name, and the functions that call them.

import { accumulateOp } from './accumulate'
import { adamwOp } from './adamw'
import { addOp } from './add'
import { attentionBackwardOp, attentionOp } from './attention'
import { batchedMatmulOp } from './batched_matmul'
import { cacheWriteOp } from './cache_write'
import { castOp } from './cast'
import { clipScaleOp } from './clip_scale'
import { copyOp } from './copy'
import { countTokensOp } from './count_tokens'
import { crossEntropyBackwardOp, crossEntropyOp } from './cross_entropy'
import { dropoutOp } from './dropout'
import { dropoutAddOp } from './dropout_add'
import { emaOp } from './ema'
import { embeddingBackwardOp, embeddingOp } from './embedding'
import { fillOp } from './fill'
import { gatherBatchOp } from './gather_batch'
import { geluBackwardOp, geluOp } from './gelu'
import { globalNormOp } from './global_norm'
import { layerNormBackwardOp, layerNormOp } from './layer_norm'
import { linearOp } from './linear'
import { maskedSoftmaxBackwardOp, maskedSoftmaxOp } from './masked_softmax'
import { matmulOp } from './matmul'
import { matmulAccumulateOp } from './matmul_accumulate'
import { muonOp } from './muon'
import type { Op } from './op'
import { positionsOp } from './positions'
import { reluBackwardOp, reluOp } from './relu'
import { reluSquaredBackwardOp, reluSquaredOp } from './relu_squared'
import { repetitionPenaltyOp } from './repetition_penalty'
import { requireFiniteOp } from './require_finite'
import { rmsNormBackwardOp, rmsNormOp } from './rms_norm'
import { ropeOp } from './rope'
import { sampleOp } from './sample'
import { selectRowOp } from './select_row'
import { sgdOp } from './sgd'
import { softCapBackwardOp, softCapOp } from './soft_cap'
import { sumLeadingOp } from './sum_leading'
import { swigluBackwardOp, swigluOp } from './swiglu'
import { trilMeanOp } from './tril_mean'
import { zeroOp } from './zero'

/** The ops that models and gradients are written with. */
const basic: readonly Op[] = [
  accumulateOp,
  adamwOp,
  addOp,
  attentionBackwardOp,
  attentionOp,
  batchedMatmulOp,
  cacheWriteOp,
  clipScaleOp,
  copyOp,
  countTokensOp,
  crossEntropyBackwardOp,
  crossEntropyOp,
  dropoutOp,
  emaOp,
  embeddingBackwardOp,
  embeddingOp,
  fillOp,
  gatherBatchOp,
  geluBackwardOp,
  geluOp,
  globalNormOp,
  layerNormBackwardOp,
  layerNormOp,
  maskedSoftmaxBackwardOp,
  maskedSoftmaxOp,
  matmulOp,
  muonOp,
  positionsOp,
  reluBackwardOp,
  reluOp,
  reluSquaredBackwardOp,
  reluSquaredOp,
  repetitionPenaltyOp,
  requireFiniteOp,
  rmsNormBackwardOp,
  rmsNormOp,
  ropeOp,
  sampleOp,
  selectRowOp,
  sgdOp,
  softCapBackwardOp,
  softCapOp,
  sumLeadingOp,
  swigluBackwardOp,
  swigluOp,
  trilMeanOp,
  zeroOp,
]

/** The ops that only the fusion pass makes. */
const fused: readonly Op[] = [dropoutAddOp, linearOp, matmulAccumulateOp]

export const opsByName: ReadonlyMap<string, Op> = new Map(
  [...basic, castOp, ...fused].map((op) => [op.name, op]),
)
export const fusedOpNames: readonly string[] = fused.map((op) => op.name)

export { accumulate } from './accumulate'
export { adamw } from './adamw'
export { add } from './add'
export { attention } from './attention'
export { batchedMatmul } from './batched_matmul'
export { cacheWrite } from './cache_write'
export { clipScale } from './clip_scale'
export { copy } from './copy'
export { countTokens } from './count_tokens'
export { crossEntropy } from './cross_entropy'
export { dropout } from './dropout'
export { ema } from './ema'
export { embedding } from './embedding'
export { fill } from './fill'
export { gatherBatch } from './gather_batch'
export { gelu } from './gelu'
export { globalNorm } from './global_norm'
export { layerNorm } from './layer_norm'
export { maskedSoftmax } from './masked_softmax'
export { matmul } from './matmul'
export { muon } from './muon'
export { positions } from './positions'
export { relu } from './relu'
export { reluSquared } from './relu_squared'
export { repetitionPenalty } from './repetition_penalty'
export { requireFinite } from './require_finite'
export { rmsNorm } from './rms_norm'
export { rope } from './rope'
export { sample } from './sample'
export { selectRow } from './select_row'
export { sgd } from './sgd'
export { softCap } from './soft_cap'
export { sumLeading } from './sum_leading'
export { swiglu } from './swiglu'
export { trilMean } from './tril_mean'
export { zero } from './zero'
