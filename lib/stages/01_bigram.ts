// Stage 01: the bigram. It predicts the next character from the current character alone.
//
//     tokens [B, T]  →  a row of the table for each  →  logits [B, T, V]
//
// The table has a row for each of the V characters, with a score for each character that may
// follow. These V · V = 4,225 numbers are the whole model. After 'q', the score of 'u' should grow,
// and training does exactly that. The model learns which pairs are common, but no amount of
// training takes the loss below what pairs can tell: about 2.45 nats per character.
//
// The loss is the cross-entropy, −log p(the actual next character), averaged over B · T
// predictions. A uniform guess has a loss of ln 65 = 4.17. This model starts above that, because
// its random scores make it confident about the wrong characters.

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
    return hidden // a row of the table already contains the logits
  }
}

export const bigram: ModelStage = {
  ...course.bigram,
  name: 'bigram',
  model: Bigram,
}
