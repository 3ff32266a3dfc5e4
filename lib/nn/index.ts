// The modules that models are built from.

export { attend, CausalSelfAttention, type SelfAttentionOptions } from './attention'
export { Block, type BlockOptions } from './block'
export { Dropout } from './dropout'
export { Embedding } from './embedding'
export { type Activation, activationNames, FeedForward, type FeedForwardOptions } from './feed_forward'
export {
  defaultVariants,
  Gpt,
  type GptSizes,
  type PositionName,
  positionNames,
  type Variants,
} from './gpt'
export { type InitialName, type InitialScheme, initialNames, initialScheme } from './initial'
export { LanguageModel, type ModelSizes, positionsOf } from './language_model'
export { LayerNorm, type LayerNormOptions } from './layer_norm'
export { Linear, type LinearOptions } from './linear'
export { type AdaptableName, adaptableIn, adaptableNames, addAdapters, type LoraConfig } from './lora'
export { Module, nameParameters } from './module'
export { createNorm, type Norm, type NormName, type NormOptions, normNames } from './norm'
export { RmsNorm, type RmsNormOptions } from './rms_norm'
