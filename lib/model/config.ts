// What a model is made of: its kind and its sizes.

import { defaultVariants, type GptSizes, type ModelSizes, type Variants } from '../nn'

/** The models of the course. Each kind is the name of the stage that defines it. */
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
export type ModelKind = StageKind | 'gpt'

/** A model of the course: its kind, which is the name of the stage that defines it, and its sizes. */
export interface StageConfig extends ModelSizes {
  readonly kind: StageKind
}

/** The GPT whose parts can be chosen: its sizes and its variants. */
export interface GptConfig extends GptSizes {
  readonly kind: 'gpt'
}

export type ModelConfig = StageConfig | GptConfig

/** A config without what the tokenizer brings. */
export type Sized<Config extends ModelConfig = ModelConfig> = Config extends ModelConfig
  ? Omit<Config, 'vocabSize'>
  : never

export const variantNames = Object.keys(defaultVariants({ heads: 1, dropout: 0 })) as (keyof Variants)[]
