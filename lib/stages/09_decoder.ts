// Stage 09: the decoder. The model of stage 08, large, and kept from learning its text by heart.
//
//     B 64, T 256, C 384, 6 heads, 6 layers: 10,788,929 parameters for 1,003,854 characters of training text
//
// With ten numbers for each character, the model could simply remember. **Dropout** makes that hard: in training, each
// element is dropped with probability 0.2 and the rest scaled up by 1 / 0.8, so that nothing may rely on any single one.
// It acts in three places of each block, and nowhere when the model is evaluated or writes:
//
//     weights = dropout(softmax(q·kᵀ / √D))         on the attention weights
//     x + dropout(projection(weights·v))            after the projection
//     x + dropout(contract(relu(expand(x))))        after the feed-forward
//
// The blocks are no longer written out here: nn/block.ts, nn/attention.ts and nn/feed_forward.ts are stages 07 and 08 with
// these three lines, the parts that every other model of nano-gpt is made of. (A test trains both side by side: without
// dropout, the `decoder` and stage 08 give the same losses to the last bit.)
//
// A whole run is hours on a laptop's CPU. `--steps 500` shows the way down, and `nano-gpt train` trains smaller ones.

import type { Tensor } from '../graph/tensor'
import { Block, LayerNorm } from '../nn'
import { course, type Numbers } from '../presets/course'
import { seedToBigInt } from '../random/philox'
import { EmbeddedModel } from './03_single_head'
import { beginningOf, type ModelStage, type TrainingHarness } from './stage'

/** The GPT. */
export class Decoder extends EmbeddedModel {
  readonly blocks = Array.from(
    { length: this.sizes.layers },
    () => new Block(this.sizes.embed, this.sizes.heads, this.sizes.dropout),
  )
  readonly finalNorm = new LayerNorm(this.sizes.embed)

  body(x: Tensor): Tensor {
    for (const block of this.blocks) x = block.forward(x)
    return this.finalNorm.forward(x)
  }
}

async function run(harness: TrainingHarness): Promise<void> {
  const evalBatches = affordableBatches(harness.numbers)
  sayCost(harness, evalBatches)
  const model = await harness.train({ evalBatches })
  const seed = seedToBigInt(harness.seed)
  harness.say(
    'Writing 2,000 characters. (Beyond the block size, each is computed from its whole window: a minute or two on a CPU.)',
  )
  await harness.keep('sample.txt', await model.generate({ maxTokens: 2000, seed }))
  const prompt = opening(harness)
  const answer = await model.generate({ prompt, maxTokens: 300, seed })
  harness.quote(`from the opening ${JSON.stringify(prompt)}`, prompt + answer)
}

/** A step costs about three forward passes, an evaluation two for each of its batches: this keeps it under 5 % of the time. */
function affordableBatches({ evalBatches, evalInterval, steps }: Numbers): number {
  const forwards = 0.05 * 3 * Math.min(evalInterval, steps)
  return Math.max(1, Math.min(evalBatches, Math.floor(forwards / 2)))
}

function sayCost(harness: TrainingHarness, evalBatches: number): void {
  const { batchSize, blockSize, steps, evalInterval } = harness.numbers
  const [ours, course] = [2 * evalBatches, 2 * 200]
  const evaluations = 1 + Math.ceil(steps / evalInterval)
  harness.say(
    `An evaluation is ${ours} forward passes of ${batchSize} × ${blockSize} tokens, about as much work as ` +
      `${Math.ceil(ours / 3)} training steps, and there will be ${evaluations}. ` +
      `(The estimate of the other stages, ${course} passes, would take as long as ${Math.ceil(course / 3)} steps each time.)`,
  )
}

/** Words to go on from; a text in another alphabet gives its own. */
function opening({ tokenizer, text }: TrainingHarness): string {
  try {
    tokenizer.encode('ROMEO:')
    return 'ROMEO:'
  } catch {
    return beginningOf(text, 6)
  }
}

export const decoder: ModelStage = {
  ...course.decoder,
  name: 'decoder',
  model: Decoder,
  run,
}
