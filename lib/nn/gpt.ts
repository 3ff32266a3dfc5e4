// A GPT with configurable parts. With the default variants it equals the decoder of stage 09 bit
// for bit. docs/variants.md describes each variant and its source.

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

/** The configurable parts of a Gpt, besides its sizes. `defaultVariants` returns the defaults. */
export interface Variants {
  /**
   * Position encoding. 'learned' adds a learned vector per position; 'rope' rotates queries and
   * keys by an angle that depends on their position (RoPE).
   */
  readonly positions: PositionName
  /** With 'rope': pair i of a head of D channels is rotated by position · base^(−2i/D). */
  readonly ropeBase: number
  /** The norm before attention, before feed-forward and before the head. */
  readonly norm: NormName
  /** Whether norms have a gain and, for layer norms, a bias. */
  readonly normAffine: boolean
  /** Added to a norm's variance or mean square. 0: 1e-5 for layer norms, 1e-6 for RMS norms. */
  readonly normEpsilon: number
  /** The activation of the feed-forward layers. */
  readonly activation: Activation
  /** Channels between the feed-forward layers. 0: 4 · `embed`. */
  readonly feedForwardWidth: number
  /** Whether to normalize queries and keys, per head, before attention. */
  readonly qkNorm: boolean
  /** Number of key/value heads, which must divide `heads`. */
  readonly kvHeads: number
  /** Channels of a head. 0: `embed` / `heads`. */
  readonly headSize: number
  /** Whether the head shares the weight of the token embeddings. */
  readonly tiedEmbeddings: boolean
  /** Limits the logits to ±this value: cap · tanh(logits / cap). 0: no limit. */
  readonly logitSoftcap: number
  /** Whether linear layers other than query, key and value, and layer norms have biases. */
  readonly bias: boolean
  /** Whether the query, key and value layers have biases. */
  readonly qkvBias: boolean
  /** Whether the head has a bias if `bias` is set. */
  readonly outputBias: boolean
  /** Whether to normalize the embeddings before the first block. */
  readonly embeddingNorm: boolean
  /** Probability of dropping an attention weight in training. */
  readonly attentionDropout: number
  /** Probability of dropping an element of the embeddings in training. */
  readonly embeddingDropout: number
  /** The initialization scheme; see `initialScheme`. */
  readonly init: InitialName
}

export interface GptSizes extends ModelSizes, Variants {}

/** The variants that make a Gpt equal to the decoder of stage 09. */
export function defaultVariants({ heads, dropout }: Pick<ModelSizes, 'heads' | 'dropout'>): Variants {
  return {
    positions: 'learned',
    ropeBase: 10_000,
    norm: 'layer',
    normAffine: true,
    normEpsilon: 0,
    activation: 'relu',
    feedForwardWidth: 0,
    qkNorm: false,
    kvHeads: heads,
    headSize: 0,
    tiedEmbeddings: false,
    logitSoftcap: 0,
    bias: true,
    qkvBias: false,
    outputBias: true,
    embeddingNorm: false,
    attentionDropout: dropout,
    embeddingDropout: 0,
    init: 'torch',
  }
}

export class Gpt extends LanguageModel {
  readonly tokenEmbedding: Embedding
  /** Only with learned positions. */
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
    const outputBias = bias && sizes.outputBias
    this.head = new Linear(embed, vocabSize, { bias: outputBias, head: true, initial: initial.head, weight })
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

  /** tokens [B, T] → the input of the first block [B, T, C] */
  private embedded(tokens: Tensor, positions: Tensor): Tensor {
    const what = this.tokenEmbedding.forward(tokens)
    const x = this.positionEmbedding ? add(what, this.positionEmbedding.forward(positions)) : what
    return this.embeddingDropout.forward(this.embeddingNorm?.forward(x) ?? x)
  }
}
