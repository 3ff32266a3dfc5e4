// The list of all ops. Loading the file of an op defines it (ops/op.ts), so `opsByName` holds every
// op named here.

import { opsByName } from './op'

// Created only by the passes.
import './cast'
import './dropout_add'
import './embedding_accumulate'
import './linear'
import './matmul_accumulate'

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
export { lerp } from './lerp'
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
export { scale } from './scale'
export { selectRow } from './select_row'
export { sgd } from './sgd'
export { concatPositions, slicePositions } from './slice_positions'
export { softCap } from './soft_cap'
export { sumLeading } from './sum_leading'
export { swiglu } from './swiglu'
export { trilMean } from './tril_mean'
export { zero } from './zero'

export { opsByName }
export const fusedOpNames: readonly string[] = [...opsByName.values()]
  .filter((op) => op.fused)
  .map((op) => op.name)
