// The parts that models are made of.

export { CausalHeads, CausalSelfAttention } from './attention'
export { Block } from './block'
export { Cache } from './cache'
export { Dropout } from './dropout'
export { Embedding } from './embedding'
export { FeedForward } from './feed_forward'
export { LayerNorm } from './layer_norm'
export { Linear } from './linear'
export { Module, nameParameters } from './module'
