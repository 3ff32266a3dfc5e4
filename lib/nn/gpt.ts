// The GPT whose parts can be chosen. With the default choices it is the decoder of stage 09, to the last bit; docs/variants.md
// says what each of the others is, and where it comes from.

import type { Tensor } from '../graph/tensor'
import { add, softCap } from '../ops'
import { Block } from './block'
import { Dropout } from './dropout'
import { Embedding } from './embedding'
import type { Activation } from './feed_forward'
import { type InitialName, initialScheme } from './initial'
import { LanguageModel, type ModelSizes, positionsOf } from './language_model'
import { Linear } from './linear'
import { createNorm, type Norm, type NormName } from './norm'

export const positionNames = ['learned', 'rope'] as const
export type PositionName = (typeof positionNames)[number]

/** What can be chosen about a Gpt, besides its sizes. */
export interface Variants {
  /** How it knows where a token stands: a learned vector for each place, or queries and keys turned by their place (RoPE). */
  readonly positions: PositionName
  /** The norm before attention, feed-forward and head. */
  readonly norm: NormName
  /** Whether norms have a gain and, the layer norm, a bias. */
  readonly normAffine: boolean
  /** What happens inside the feed-forward. */
  readonly activation: Activation
  /** Whether queries and keys are normalised, head by head, before they meet. */
  readonly qkNorm: boolean
  /** Heads of keys and values; they divide `heads`. */
  readonly kvHeads: number
  /** Whether the head's weight is the table of token embeddings. */
  readonly tiedEmbeddings: boolean
  /** Logits stay below this: cap · tanh(logits / cap). 0: no limit. */
  readonly logitSoftcap: number
  /** Whether there are biases. Query, key and value have none in any case. */
  readonly bias: boolean
  /** Whether the embeddings are normalised before the first block. */
  readonly embeddingNorm: boolean
  /** Probability of dropping an attention weight in training. */
  readonly attentionDropout: number
  /** Probability of dropping an element of the embeddings in training. */
  readonly embeddingDropout: number
  /** How weights begin; see `initialScheme`. */
  readonly init: InitialName
}

export interface GptSizes extends ModelSizes, Variants {}

/** The choices that make a Gpt the decoder of stage 09. */
export function defaultVariants({ heads, dropout }: Pick<ModelSizes, 'heads' | 'dropout'>): Variants {
  return {
    positions: 'learned',
    norm: 'layer',
    normAffine: true,
    activation: 'relu',
    qkNorm: false,
    kvHeads: heads,
    tiedEmbeddings: false,
    logitSoftcap: 0,
    bias: true,
    embeddingNorm: false,
    attentionDropout: dropout,
    embeddingDropout: 0,
    init: 'torch',
  }
}

export class Gpt extends LanguageModel {
  readonly tokenEmbedding: Embedding
  /** With learned positions. */
  readonly positionEmbedding?: Embedding
  readonly head: Linear
  readonly blocks: readonly Block[]
  readonly finalNorm: Norm
  readonly embeddingNorm?: Norm
  readonly embeddingDropout: Dropout
  private readonly logitSoftcap: number

  constructor(sizes: GptSizes) {
    super(sizes)
    const { vocabSize, blockSize, embed, heads, layers, dropout, bias, logitSoftcap } = sizes
    const initial = initialScheme(sizes.init, layers)
    this.tokenEmbedding = new Embedding(vocabSize, embed, initial.embedding)
    if (sizes.positions === 'learned')
      this.positionEmbedding = new Embedding(blockSize, embed, initial.embedding)
    const weight = sizes.tiedEmbeddings ? this.tokenEmbedding.weight : undefined
    this.head = new Linear(embed, vocabSize, { bias, head: true, initial: initial.head, weight })
    this.blocks = Array.from(
      { length: layers },
      () => new Block(embed, heads, dropout, { ...sizes, initial }),
    )
    this.finalNorm = createNorm(embed, sizes)
    if (sizes.embeddingNorm) this.embeddingNorm = createNorm(embed, sizes)
    this.embeddingDropout = new Dropout(sizes.embeddingDropout)
    this.logitSoftcap = logitSoftcap
  }

  hidden(tokens: Tensor): Tensor {
    const positions = positionsOf(tokens)
    const rotary = this.positionEmbedding ? undefined : positions
    let x = this.embedded(tokens, positions)
    for (const block of this.blocks) x = block.forward(x, rotary)
    return this.finalNorm.forward(x)
  }

  logits(hidden: Tensor): Tensor {
    const logits = this.head.forward(hidden)
    return this.logitSoftcap > 0 ? softCap(logits, this.logitSoftcap) : logits
  }

  /** tokens [B, T] → what the first block reads [B, T, C] */
  private embedded(tokens: Tensor, positions: Tensor): Tensor {
    const what = this.tokenEmbedding.forward(tokens)
    const x = this.positionEmbedding ? add(what, this.positionEmbedding.forward(positions)) : what
    return this.embeddingDropout.forward(this.embeddingNorm?.forward(x) ?? x)
  }
}
