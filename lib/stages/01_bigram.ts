// Stage 01: the bigram. What comes next is guessed from this one character alone.
//
//     tokens [B, T]  →  a row of the table for each  →  logits [B, T, V]
//
// The table has a row for each of the V characters, and in it a score for each that may follow: V · V = 4,225 numbers, the
// whole model. After 'q' the score of 'u' should grow; training does that and no more. It can learn which pairs are
// common, and no amount of training takes it below what pairs can tell: about 2.45 nats a character.
//
// The loss is the cross-entropy, −log p(the character that came), averaged over B · T guesses. A model that knows nothing
// pays ln 65 = 4.17; this one begins worse, since its random scores make it sure of nonsense.

import type { Tensor } from '../graph/tensor'
import { Embedding, LanguageModel } from '../nn'
import { course } from '../presets/course'
import type { ModelStage } from './stage'

export class Bigram extends LanguageModel {
  readonly tokenEmbedding = new Embedding(this.sizes.vocabSize, this.sizes.vocabSize)

  hidden(tokens: Tensor): Tensor {
    return this.tokenEmbedding.forward(tokens) // [B, T, V]
  }

  logits(hidden: Tensor): Tensor {
    return hidden // a row of the table is the scores already
  }
}

export const bigram: ModelStage = {
  ...course.bigram,
  name: 'bigram',
  model: Bigram,
}
