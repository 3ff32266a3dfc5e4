// The configuration of a model: its kind, sizes and variants.

import { NanoGptError, option, type Phrase, say } from '../errors'
import { defaultVariants, type GptSizes, type LoraConfig, type ModelSizes, type Variants } from '../nn'

/** The models of the course. Each kind is named after the stage that defines it. */
export const stageKinds = [
  'bigram',
  'single-head',
  'multi-head',
  'feed-forward',
  'blocks',
  'residual',
  'layer-norm',
  'decoder',
] as const
export type StageKind = (typeof stageKinds)[number]
export const modelKinds = [...stageKinds, 'gpt'] as const
export type ModelKind = (typeof modelKinds)[number]

interface Adapted {
  /** The adapters of its linear layers, if it has any. */
  readonly lora?: LoraConfig
}

/** A model of the course: its kind and its sizes. */
export interface StageConfig extends ModelSizes, Adapted {
  readonly kind: StageKind
}

/** The configurable GPT: its sizes and its variants. */
export interface GptConfig extends GptSizes, Adapted {
  readonly kind: 'gpt'
}

export type ModelConfig = StageConfig | GptConfig

/** A config without the vocabulary size, which the tokenizer determines. */
export type Sized<Config extends ModelConfig = ModelConfig> = Config extends ModelConfig
  ? Omit<Config, 'vocabSize'>
  : never

export const variantNames = Object.keys(defaultVariants({ heads: 1, dropout: 0 })) as (keyof Variants)[]

/**
 * Checks that the sizes are compatible.
 *
 * @throws NanoGptError 'option' that names the option
 */
export function checkSizes(model: Sized, where?: string): void {
  const { embed, heads } = model
  const headSize = (model.kind === 'gpt' && model.headSize) || embed / heads
  const refuse = (name: string, value: unknown, reason: Phrase, remedy?: Phrase) => {
    throw new NanoGptError('option', { where, option: name, value, reason, remedy })
  }
  if (!Number.isInteger(headSize))
    refuse('heads', heads, say`it must divide ${option('embed')}, which is ${embed}`)
  if (model.kind !== 'gpt') return
  const { kvHeads, positions } = model
  if (heads % kvHeads !== 0)
    refuse('kvHeads', kvHeads, say`it must divide ${option('heads')}, which is ${heads}`)
  if (positions === 'rope' && headSize % 2 !== 0) {
    refuse(
      'positions',
      positions,
      model.headSize
        ? say`it turns pairs of channels, and a head has ${headSize} (${option('headSize')}), which is odd`
        : say`it turns pairs of channels, and a head has ${headSize}, which is odd (${option('embed')} ${embed} / ${option('heads')} ${heads})`,
      model.headSize
        ? say`take another ${option('headSize')}, or learned positions`
        : say`take another ${option('embed')} or ${option('heads')}, or learned positions`,
    )
  }
}
