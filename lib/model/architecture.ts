// The language models: the bigram, the single head, and the decoder (the GPT). Each maps tokens to the next tokens' logits.

import type { Tensor } from '../graph/tensor'
import { Block, type Cache, CausalHeads, Embedding, LayerNorm, Linear, Module, nameParameters } from '../nn'
import { add, positions } from '../ops'
import { constantIndex } from '../ops/fill'
import type { ModelConfig } from './config'

export abstract class LanguageModel extends Module {
  constructor(readonly config: ModelConfig) {
    super()
  }

  /** tokens [B, T] → what the last layer knows of each position [B, T, ·]. With a cache, tokens continue its sequence. */
  abstract hidden(tokens: Tensor, cache?: Cache): Tensor

  /** hidden […, ·] → logits […, V] */
  abstract logits(hidden: Tensor): Tensor

  /** tokens [B, T] → logits [B, T, V] */
  forward(tokens: Tensor): Tensor {
    return this.logits(this.hidden(tokens))
  }
}

/** The next token depends on this token alone: a row of a table. */
export class Bigram extends LanguageModel {
  readonly tokenEmbedding: Embedding

  constructor(config: ModelConfig) {
    super(config)
    this.tokenEmbedding = new Embedding(config.vocabSize, config.vocabSize)
  }

  hidden(tokens: Tensor): Tensor {
    return this.tokenEmbedding.forward(tokens)
  }

  logits(hidden: Tensor): Tensor {
    return hidden
  }
}

/** What a token is plus where it stands: [B, T] → [B, T, C]. */
function embed(tokens: Tensor, tokenTable: Embedding, positionTable: Embedding, cache?: Cache): Tensor {
  const start = cache?.start ?? constantIndex(0, tokens.trace!)
  return add(tokenTable.forward(tokens), positionTable.forward(positions(start, tokens.shape[1])))
}

/** Token and position embeddings, one causal attention head, a linear head. */
export class SingleHead extends LanguageModel {
  readonly tokenEmbedding: Embedding
  readonly positionEmbedding: Embedding
  readonly attention: CausalHeads
  readonly head: Linear

  constructor(config: ModelConfig) {
    super(config)
    this.tokenEmbedding = new Embedding(config.vocabSize, config.embed)
    this.positionEmbedding = new Embedding(config.blockSize, config.embed)
    this.attention = new CausalHeads(config.embed, config.heads, config.dropout)
    this.head = new Linear(config.embed, config.vocabSize)
  }

  hidden(tokens: Tensor, cache?: Cache): Tensor {
    return this.attention.forward(embed(tokens, this.tokenEmbedding, this.positionEmbedding, cache), cache)
  }

  logits(hidden: Tensor): Tensor {
    return this.head.forward(hidden)
  }
}

/** The GPT: embeddings, pre-norm blocks, a final norm, a linear head. */
export class Decoder extends LanguageModel {
  readonly tokenEmbedding: Embedding
  readonly positionEmbedding: Embedding
  readonly blocks: Block[]
  readonly finalNorm: LayerNorm
  readonly head: Linear

  constructor(config: ModelConfig) {
    super(config)
    const { vocabSize, blockSize, embed, heads, layers, dropout } = config
    this.tokenEmbedding = new Embedding(vocabSize, embed)
    this.positionEmbedding = new Embedding(blockSize, embed)
    this.blocks = Array.from({ length: layers }, () => new Block(embed, heads, dropout))
    this.finalNorm = new LayerNorm(embed)
    this.head = new Linear(embed, vocabSize)
  }

  hidden(tokens: Tensor, cache?: Cache): Tensor {
    let x = embed(tokens, this.tokenEmbedding, this.positionEmbedding, cache)
    for (const block of this.blocks) x = block.forward(x, cache)
    return x
  }

  logits(hidden: Tensor): Tensor {
    return this.head.forward(this.finalNorm.forward(hidden))
  }
}

/** The model that a config describes, its parameters named. */
export function createModel(config: ModelConfig) {
  const kinds = { bigram: Bigram, 'single-head': SingleHead, decoder: Decoder }
  const model: LanguageModel = new kinds[config.kind](config)
  return { model, parameters: nameParameters(model) }
}
