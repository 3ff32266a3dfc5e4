// Creates a model from its config.

import type { ModelConfig } from '../model/config'
import { addAdapters, Gpt, type LanguageModel, nameParameters } from '../nn'
import { averagePrefix } from '../optim/average'
import { modelStages } from '../stages'

/**
 * Creates the model and names its parameters. With adapters, all others are frozen.
 *
 * @param options `averaged`: whether the model computes with the averaged weights of training.
 *   Default: false
 */
export function createModel(config: ModelConfig, options: { averaged?: boolean } = {}) {
  const model: LanguageModel =
    config.kind === 'gpt' ? new Gpt(config) : new modelStages[config.kind].model(config)
  if (config.lora) addAdapters(model, config.lora)
  const parameters = nameParameters(model)
  const trained = parameters.filter(({ isFrozen }) => !isFrozen)
  if (options.averaged) for (const parameter of trained) parameter.prefix = averagePrefix
  return { model, parameters, trained }
}
