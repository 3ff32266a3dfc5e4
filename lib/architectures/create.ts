// From a config to the model it describes.

import type { ModelConfig } from '../model/config'
import { Gpt, type LanguageModel, nameParameters } from '../nn'
import { averagePrefix } from '../optim/average'
import { modelStages } from '../stages'

/**
 * The model, its parameters named.
 *
 * @param options `averaged`: it computes with the averages of its weights that training keeps. Default false
 */
export function createModel(config: ModelConfig, options: { averaged?: boolean } = {}) {
  const model: LanguageModel =
    config.kind === 'gpt' ? new Gpt(config) : new modelStages[config.kind].model(config)
  const parameters = nameParameters(model)
  if (options.averaged) for (const parameter of parameters) parameter.prefix = averagePrefix
  return { model, parameters }
}
