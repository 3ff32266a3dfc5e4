// The course: ten stages, from a bigram table to a GPT, in reading order. Their hyperparameters are
// in presets/course.ts.

import type { StageKind } from '../model/config'
import { notebook } from './00_notebook'
import { bigram } from './01_bigram'
import { attentionTricks } from './02_attention_tricks'
import { singleHead } from './03_single_head'
import { multiHead } from './04_multi_head'
import { feedForward } from './05_feed_forward'
import { blocks } from './06_blocks'
import { residual } from './07_residual'
import { layerNorm } from './08_layer_norm'
import { decoder } from './09_decoder'
import type { ModelStage, Stage } from './stage'

export const stages: readonly Stage[] = [
  notebook,
  bigram,
  attentionTricks,
  singleHead,
  multiHead,
  feedForward,
  blocks,
  residual,
  layerNorm,
  decoder,
]

/** The stages that define a model, by the kind of model. */
export const modelStages = {
  bigram,
  'single-head': singleHead,
  'multi-head': multiHead,
  'feed-forward': feedForward,
  blocks,
  residual,
  'layer-norm': layerNorm,
  decoder,
} satisfies Record<StageKind, ModelStage>
