// A small model with its initial weights, for tests that need no training.

import { Model } from '../../lib/api/model'
import { createModel } from '../../lib/architectures/create'
import type { Session } from '../../lib/backend/backend'
import { JsSession } from '../../lib/backend/js/session'
import { untrained } from '../../lib/checkpoint/metadata'
import type { ModelConfig } from '../../lib/model/config'
import { initializeWeights } from '../../lib/model/weights'
import { seedFrom } from '../../lib/random/philox'
import { CharTokenizer } from '../../lib/tokenizer/char'
import { version } from '../../lib/version'
import { someText } from './text'

/** @param changes to a decoder of two layers */
export async function untrainedModel(
  session: Session = new JsSession(),
  changes: Partial<ModelConfig> = {},
): Promise<Model> {
  const tokenizer = CharTokenizer.fromText(someText())
  const { vocabSize } = tokenizer
  const sizes = { kind: 'decoder', blockSize: 8, embed: 12, heads: 2, layers: 2, dropout: 0 } as const
  const config = { ...sizes, ...changes, vocabSize } as ModelConfig
  const { model: architecture, parameters } = createModel(config)
  await initializeWeights(session, parameters, seedFrom(5))
  const info = { version, model: config, tokenizer: tokenizer.toJSON(), ...untrained }
  return new Model({ session, architecture, parameters, tokenizer, info })
}
