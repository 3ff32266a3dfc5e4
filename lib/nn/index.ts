// The parts that models are made of.

export { attend, CausalSelfAttention } from './attention'
export { Block } from './block'
export { Dropout } from './dropout'
export { Embedding } from './embedding'
export { FeedForward } from './feed_forward'
export { LanguageModel, type ModelSizes, positionsOf } from './language_model'
export { LayerNorm } from './layer_norm'
export { Linear } from './linear'
export { Module, nameParameters } from './module'
