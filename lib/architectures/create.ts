// Creates a model from its config.

import type { ModelConfig } from '../model/config'
import { Gpt, type LanguageModel, nameParameters } from '../nn'
import { averagePrefix } from '../optim/average'
import { modelStages } from '../stages'

/**
 * Creates the model and names its parameters.
 *
 * @param options `averaged`: whether the model computes with the averaged weights of training.
 *   Default: false
 */
export function createModel(config: ModelConfig, options: { averaged?: boolean } = {}) {
  const model: LanguageModel =
    config.kind === 'gpt' ? new Gpt(config) : new modelStages[config.kind].model(config)
  const parameters = nameParameters(model)
  if (options.averaged) for (const parameter of parameters) parameter.prefix = averagePrefix
  return { model, parameters }
}
