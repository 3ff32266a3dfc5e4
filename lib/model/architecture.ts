// From a config to the model it describes.

import { Gpt, type LanguageModel, nameParameters } from '../nn'
import { modelStages } from '../stages'
import type { ModelConfig } from './config'

/** The model, its parameters named. */
export function createModel(config: ModelConfig) {
  const model: LanguageModel =
    config.kind === 'gpt' ? new Gpt(config) : new modelStages[config.kind].model(config)
  return { model, parameters: nameParameters(model) }
}
